"""What a module says of itself: the strings in its ELF section ``.modinfo``."""

from dataclasses import dataclass

from aoeinit.elf_tables import section_content
from aoeinit.errors import KernelError
from aoeinit.kernel.content import REINSTALL
from aoeinit.kernel.names import module_name


@dataclass(frozen=True, slots=True)
class ModInfo:
    """``firmware``: the names of the files it may load; ``vermagic``: the kernel it was built for.

    ``depends``: the modules whose symbols it uses; what is built in is not among them
    (scripts/mod/modpost.c). ``soft``: what it says of soft dependencies, each as in modprobe.d(5).
    """

    firmware: tuple[str, ...]
    vermagic: str
    depends: tuple[str, ...] = ()
    soft: tuple[str, ...] = ()

    @property
    def release(self) -> str:
        """The kernel release it was built for: the first word of vermagic (include/linux/vermagic.h)."""
        return self.vermagic.partition(" ")[0]


def read_modinfo(elf: bytes, name: str) -> ModInfo:
    """Read ``.modinfo``: strings ``KEY=VALUE``, each ended by a zero byte (include/linux/moduleparam.h).

    Raises :class:`KernelError`, which calls the module ``name``, where the ELF object is corrupt or has no
    such section.
    """
    try:
        section = section_content(elf, ".modinfo")
    except ValueError as error:
        raise KernelError(f"module {name} is corrupt: {error}", REINSTALL) from error
    if section is None:
        raise KernelError(f"{name} is no kernel module: it has no section .modinfo", REINSTALL)
    pairs = [entry.partition("=") for entry in section.decode(errors="replace").split("\0")]
    return ModInfo(
        firmware=tuple(dict.fromkeys(value for key, _, value in pairs if key == "firmware")),
        vermagic=next((value for key, _, value in pairs if key == "vermagic"), ""),
        depends=tuple(
            module_name(name)
            for key, _, value in pairs
            if key == "depends"
            for name in value.split(",")
            if name
        ),
        soft=tuple(value for key, _, value in pairs if key == "softdep"),
    )


def check_release(modinfo: ModInfo, name: str, release: str) -> None:
    """Refuse a module that was built for another kernel than ``release`` with a :class:`KernelError`."""
    if modinfo.release != release:
        raise KernelError(
            f"module {name} of kernel {release} was built for kernel {modinfo.release or '(unknown)'}",
            "build it for this kernel, or remove it and run depmod",
        )
