"""The kernel itself, out of the file that distributions ship: a third of a short boot is unpacking it.

QEMU starts the ELF file by its PVH entry; ``tests/boot/test_direct.py`` boots the files as they are shipped.
"""

import hashlib
import lzma
import struct
from pathlib import Path

import zstandard

from tests.lab.cache import cache_folder, filling
from tests.lab.programs import LabError

SECTOR = 512
SETUP_SECTORS = 0x1F1
PAYLOAD = 0x248
"""Where the header has ``setup_sects`` and ``payload_offset``, which ``payload_length`` follows: the kernel's
Documentation/arch/x86/boot.rst."""
XZ, ZSTD, ELF = b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x7fELF"


def unpacked(vmlinuz: Path) -> Path:
    """The kernel in a ``vmlinuz``, from the cache where it has been unpacked before."""
    packed = vmlinuz.read_bytes()
    folder = cache_folder() / "vmlinux" / hashlib.sha256(packed).hexdigest()[:12]
    with filling(folder) as part:
        if part is not None:
            (part / "vmlinux").write_bytes(unpack(packed, vmlinuz))
    return folder / "vmlinux"


def unpack(vmlinuz: bytes, path: Path) -> bytes:
    """Unpack the payload of a kernel's file; ``path`` is for the message if there is none that we know."""
    start, length = struct.unpack_from("<II", vmlinuz, PAYLOAD)
    start += (vmlinuz[SETUP_SECTORS] + 1) * SECTOR
    payload = vmlinuz[start : start + length]
    kernel = b""
    if payload.startswith(ZSTD):
        kernel = zstandard.ZstdDecompressor().decompressobj().decompress(payload)
    elif payload.startswith(XZ):
        kernel = lzma.LZMADecompressor().decompress(payload)
    if not kernel.startswith(ELF):
        raise LabError(f"{path}: no kernel in xz or zstd, the payload begins with {payload[:6].hex()}")
    return kernel
