"""Names of modules: one spelling for what files, indexes and users write differently."""

from typing import Final

COMPRESSIONS: Final = (".gz", ".xz", ".zst")
"""The suffixes that a compressed module's file name may end with, after ``.ko``."""


def uncompressed_path(path: str) -> str:
    """Take the compression suffix off a path: what an unpacked copy is called."""
    for suffix in COMPRESSIONS:
        if path.endswith(f".ko{suffix}"):
            return path[: -len(suffix)]
    return path


def module_name(path_or_name: str) -> str:
    """Give the name under which the kernel knows a module, from its path or any spelling of its name.

    ``kernel/drivers/net/xen-netfront.ko.xz`` and ``xen-netfront`` are both ``xen_netfront``: the kernel
    builds the name into the module with ``_`` for every ``-`` (KBUILD_MODNAME).
    """
    base = path_or_name[path_or_name.rfind("/") + 1 :]
    return uncompressed_path(base).removesuffix(".ko").replace("-", "_")


def normalised_alias(alias: str) -> str:
    """Write an alias or a pattern with ``_`` for every ``-``, as kmod compares them.

    In a pattern's brackets, ``[0-9]``, a ``-`` is a range and stays (libkmod, ``alias_normalize``).
    """
    if "[" not in alias:
        return alias.replace("-", "_")
    pieces = alias.split("[")
    head = pieces[0].replace("-", "_")
    tails = (piece.partition("]") for piece in pieces[1:])
    return head + "".join(f"[{inside}{end}{after.replace('-', '_')}" for inside, end, after in tails)
