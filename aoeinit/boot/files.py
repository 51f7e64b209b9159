"""The agent's own files, as they are shipped."""

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

INIT: Final = "init"
LIBRARY: Final = "lib/aoeinit"


def agent_files() -> dict[str, bytes]:
    """Give each file of the agent by its path in the image: ``init``, the library, and what outlives it."""
    library = {f"{LIBRARY}/{path.name}": path.read_bytes() for path in sorted((HERE / "lib").glob("*.sh"))}
    guard = {f"{LIBRARY}/guard": (HERE / "guard").read_bytes()}
    return {INIT: (HERE / "init").read_bytes(), **library, **guard}
