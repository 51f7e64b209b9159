"""``aoeinit inspect --list IMAGE``, without click, whose import takes longer than to list a small image."""

import os
import sys

from aoeinit.errors import AoeinitError
from aoeinit.inspect.listing import listing
from aoeinit.inspect.reading import LIMIT, keep_none, open_image


def main() -> None:
    """Run the command line, which is known to be of that form, and exit with its code."""
    sys.exit(run(sys.argv[3]))


def run(path: str) -> int:
    """Print the listing; give the exit code."""
    try:
        print_listing(path, LIMIT)
    except AoeinitError as error:
        sys.stderr.write(f"aoeinit: {error.message}\n" + (f"  hint: {error.hint}\n" if error.hint else ""))
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("aoeinit: interrupted\n")
        return 1
    return 0


def print_listing(path: str, limit: int) -> None:
    """Print the listing of the image in the file ``path``."""
    image = open_image(path, limit=limit, keep=keep_none)
    # Names may hold letters that the terminal's encoding has not.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # a text file of its own
    sys.stdout.write("".join(f"{line}\n" for line in listing(image.items)))
    sys.stdout.flush()
