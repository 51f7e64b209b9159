"""The agent's own files, as they are shipped."""

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

INIT: Final = "init"
LIBRARY: Final = "lib/aoeinit"
LASTING: Final = ("guard", "keep-pin")
"""What runs beside the new system, out of /run."""


def agent_files() -> dict[str, bytes]:
    """Give each file of the agent by its path in the image: ``init``, the library, and what outlives it."""
    library = {f"{LIBRARY}/{path.name}": path.read_bytes() for path in sorted((HERE / "lib").glob("*.sh"))}
    lasting = {f"{LIBRARY}/{name}": (HERE / name).read_bytes() for name in LASTING}
    return {INIT: (HERE / "init").read_bytes(), **library, **lasting}
