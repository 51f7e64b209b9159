"""The file systems that a system mounts at boot: fstab(5), moved to an AoE target."""
