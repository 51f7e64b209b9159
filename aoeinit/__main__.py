"""Run the command line as ``python -m aoeinit``."""

from aoeinit.cli.main import main

main()
