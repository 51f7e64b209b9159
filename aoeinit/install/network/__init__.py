"""What keeps the link up under a root on AoE: from the boot agent's work to the last unmount."""
