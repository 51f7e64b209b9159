"""Making a target start the system on it through GRUB: the boot loader itself, and what it is told."""
