"""Moving a running system onto an AoE target: what it consists of, what the target gets, the steps."""
