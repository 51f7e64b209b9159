"""Files put below a folder."""

from pathlib import Path


def put(sysroot: Path, path: str, text: str = "", mode: int = 0o644) -> None:
    file = sysroot / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
