"""Why a system would not come up from its target at the next boot: facts in, findings out."""
