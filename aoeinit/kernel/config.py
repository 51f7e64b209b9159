"""What a kernel was configured with, as far as its package tells."""

import re
from pathlib import Path

from aoeinit.errors import KernelError
from aoeinit.kernel.content import locate

# Kconfig symbols of usr/Kconfig, by the name that aoeinit gives the compression.
DECOMPRESSORS = {
    "gzip": "CONFIG_RD_GZIP",
    "xz": "CONFIG_RD_XZ",
    "lz4": "CONFIG_RD_LZ4",
    "zstd": "CONFIG_RD_ZSTD",
}


def require_decompressor(sysroot: Path, release: str, compression: str) -> None:
    """Refuse a compression that the kernel says it cannot unpack; a kernel that says nothing is trusted.

    Raises :class:`KernelError` that names those it can.
    """
    config = read_config(sysroot, release)
    symbol = DECOMPRESSORS.get(compression)
    if config is None or symbol is None or config.get(symbol) == "y":
        return
    usable = [name for name, wanted in DECOMPRESSORS.items() if config.get(wanted) == "y"]
    raise KernelError(
        f"kernel {release} cannot unpack an image compressed with {compression} ({symbol} is not set)",
        hint=f"use --compress {' or '.join([*usable, 'none'])}",
    )


def read_config(sysroot: Path, release: str) -> dict[str, str] | None:
    """Give the options that are set, from ``config`` where distributions put it; ``None`` if nowhere."""
    for name in (f"boot/config-{release}", f"lib/modules/{release}/config"):
        found = locate(sysroot, name)
        if found is None:
            continue
        try:
            text = found.file.read_text(errors="replace")
        except OSError:
            continue
        return dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.MULTILINE))
    return None
