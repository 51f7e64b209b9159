"""The only room with side effects: atomic files, and what the running machine says of itself."""
