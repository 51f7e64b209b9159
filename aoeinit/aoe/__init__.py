"""The AoE protocol: target names."""
