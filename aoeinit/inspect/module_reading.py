"""Reading the modules of an image, each once, and telling what is wrong with them."""

from collections.abc import Iterator

from aoeinit.errors import KernelError
from aoeinit.inspect.listing import shown
from aoeinit.kernel.index import Builtin, Module, ModuleIndex
from aoeinit.kernel.modfile import read_module
from aoeinit.kernel.modinfo import ModInfo, read_modinfo

CRC32C = frozenset({"crc32c", "crypto-crc32c"})
"""The soft dependencies that are none: ext4 and libcrc32c refuse to work without any such algorithm."""


class ModuleReading:
    """What modules say of themselves, and what is wrong with them.

    ``doubts`` are faults that only the list of what is built in could confirm, where the image has none.
    """

    def __init__(self, index: ModuleIndex) -> None:
        self.index = index
        self.infos: dict[Module, ModInfo] = {}
        self.doubts: dict[str, None] = {}
        self._faults: dict[Module, list[str]] = {}
        self._has_crc32c: bool | None = None

    def faults(self, wanted: Module) -> list[str]:
        """Tell what is wrong with a module and all that it depends on."""
        found: list[str] = []
        seen = {wanted}
        todo = [(wanted, "")]
        while todo:
            module, needed_by = todo.pop()
            found += self._own_faults(module, needed_by)
            info = self.infos.get(module)
            needed = filter(None, map(self.index.module, info.depends if info else ()))
            todo += [(each, module.name) for each in needed if each not in seen]
            seen.update(each for each, _ in todo)
        return found

    def _own_faults(self, module: Module, needed_by: str) -> list[str]:
        if module not in self._faults:
            try:
                info = read_modinfo(read_module(self.index.module_file(module)), module.name)
            except KernelError as failure:
                by = f", which {needed_by} needs" if needed_by else ""
                message = shown(failure.message.replace(f"{self.index.sysroot}/", "/"))
                self._faults[module] = [f"module {module.name}{by}: {message}"]
            else:
                self.infos[module] = info
                self._faults[module] = []  # whoever asks again meanwhile goes round in a circle
                self._faults[module] = list(self._contradictions(module, info))
        return self._faults[module]

    def _contradictions(self, module: Module, info: ModInfo) -> Iterator[str]:
        for name in info.depends:
            if self.index.module(name) is None and name not in self.index.builtins:
                yield f"module {module.name} needs {shown(name)}, which is not in it"
        if info.release != self.index.release:
            built_for = shown(info.release) or "(unknown)"
            yield f"module {module.name} was built for kernel {built_for}, not {self.index.release}"
        before = {word for line in info.soft for word in line.partition("post:")[0].split()}
        if before & CRC32C and not self._crc32c():
            text = f"module {module.name} needs the checksum crc32c, and no module for it is in it"
            if self.index.file("modules.builtin") is not None:
                yield text
            else:
                self.doubts[f"{text}; what is built in is not known"] = None

    def _crc32c(self) -> bool:
        if self._has_crc32c is None:
            self._has_crc32c = any(name.startswith("crc32c") for name in self.index.builtins) or any(
                isinstance(found, Builtin) or not self.faults(found)
                for name in sorted(CRC32C)
                for found in self.index.resolve(name)
            )
        return self._has_crc32c
