"""Initramfs builder and boot agent for machines whose root is on an ATA-over-Ethernet target."""

__version__ = "0.1.0"
