"""Microcode that a real kernel takes, for an emulated processor: made up, and harmless.

QEMU's processors report a microcode revision and ignore attempts to load one. A made-up update of the very
revision that they report looks to the kernel as if it had worked, and it says so.
"""

import struct

PROCESSOR = "phenom"
SIGNATURE = 0x00100F23
"""CPUID function 1, EAX, of QEMU's phenom: an AMD of family 10h."""

HARDWARE = f"{PROCESSOR},-hypervisor"
"""QEMU's name for it. A kernel that knows it is a guest would not load microcode."""

REVISION = 0x01000065
"""What QEMU's AMD processors report as the revision of their microcode."""


def amd_container(revision: int = REVISION, signature: int = SIGNATURE) -> bytes:
    """Make a container of one update for one processor.

    Source: arch/x86/kernel/cpu/microcode/amd.c of Linux, ``verify_container`` and below, and the structures
    there: the container's header, the table of equivalent processors, and the update with its header.
    """
    equivalent = 0x1022
    table = struct.pack("<IIIHH", signature, 0, 0, equivalent, 0) + bytes(16)
    patch = struct.pack("<IIHBBIIIHBBB3x32x", 0, revision, 0, 0, 0, 0, 0, 0, equivalent, 0, 0, 0)
    patch += bytes(64)
    return b"DMA\0" + struct.pack("<II", 0, len(table)) + table + struct.pack("<II", 1, len(patch)) + patch
