"""A boot that is tried before a machine has to do it: what is emulated, and what its console tells."""
