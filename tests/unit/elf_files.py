"""ELF files made up for tests: a program header table and a dynamic section, and nothing that could run."""

import struct
from dataclasses import dataclass

X86_64 = 62
AARCH64 = 183
I386 = 3

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH, DT_FLAGS_1 = 0, 1, 5, 14, 15, 29, 0x6FFFFFFB
DF_1_NODEFLIB = 0x800

HEADER, SEGMENT, TAG = 64, 56, 16


@dataclass(frozen=True)
class MadeUp:
    """What a made-up ELF file of 64 bits says."""

    needed: tuple[str, ...] = ()
    soname: str | None = None
    rpath: str | None = None
    runpath: str | None = None
    interpreter: str | None = None
    machine: int = X86_64
    flags: int = 0

    def content(self) -> bytes:
        strings = bytearray(b"\0")
        tags = [(DT_NEEDED, text_at(strings, name)) for name in self.needed]
        texts = ((DT_SONAME, self.soname), (DT_RPATH, self.rpath), (DT_RUNPATH, self.runpath))
        tags += [(tag, text_at(strings, text)) for tag, text in texts if text is not None]
        tags += [(DT_FLAGS_1, self.flags)] if self.flags else []
        interpreter = (self.interpreter or "").encode() + b"\0"
        segments = 3 if self.interpreter else 2
        dynamic_at = HEADER + segments * SEGMENT
        dynamic_size = (len(tags) + 2) * TAG
        strings_at = dynamic_at + dynamic_size
        interpreter_at = strings_at + len(strings)
        end = interpreter_at + len(interpreter)
        tags += [(DT_STRTAB, strings_at), (DT_NULL, 0)]
        head = struct.pack(
            "<16sHHIQQQIHHHHHH",
            b"\x7fELF\x02\x01\x01", 3, self.machine, 1, 0, HEADER, 0, 0, HEADER, SEGMENT, segments, 0, 0, 0,
        )  # fmt: skip
        head += segment(PT_LOAD, 0, end) + segment(PT_DYNAMIC, dynamic_at, dynamic_size)
        if self.interpreter:
            head += segment(PT_INTERP, interpreter_at, len(interpreter))
        return head + b"".join(struct.pack("<QQ", *tag) for tag in tags) + bytes(strings) + interpreter


def segment(kind: int, offset: int, size: int) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, 4, offset, offset, offset, size, size, 8)


def text_at(strings: bytearray, text: str) -> int:
    at = len(strings)
    strings += text.encode() + b"\0"
    return at
