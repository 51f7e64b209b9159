"""Reading an image, ours or another tool's: what is in it, and whether it would boot."""
