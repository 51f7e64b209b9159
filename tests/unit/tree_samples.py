"""Files put below a folder, and everything that is below one."""

from pathlib import Path


def put(sysroot: Path, path: str, text: str = "", mode: int = 0o644) -> None:
    file = sysroot / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def tree(sysroot: Path) -> dict[str, tuple[bytes, int]]:
    """Everything below a folder: content, or where a link leads, and mode."""
    return {
        str(path.relative_to(sysroot)): (
            str(path.readlink()).encode()
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else b"",
            path.lstat().st_mode,
        )
        for path in sorted(sysroot.rglob("*"))
    }
