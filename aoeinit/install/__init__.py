"""What a kernel's installation asks for: images that come and go with it, and the hooks that see to that."""
