"""The command ``aoeinit``, also as ``python -m aoeinit``."""

import sys


def main() -> None:
    """Run the command line; a plain listing of an image goes its own, shorter way."""
    try:
        match sys.argv[1:]:
            case ["inspect", "--list", image] if not image.startswith("-"):
                from aoeinit.cli.listing import main as run  # noqa: PLC0415 - the point of it
            case _:
                from aoeinit.cli.main import main as run  # noqa: PLC0415 - as above
        run()
    except KeyboardInterrupt:
        # While modules are being imported, and nothing has begun.
        sys.exit("aoeinit: interrupted")


if __name__ == "__main__":
    main()
