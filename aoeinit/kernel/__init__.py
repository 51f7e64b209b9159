"""One kernel release on disk: its modules, their order, their firmware, and the hardware they serve."""
