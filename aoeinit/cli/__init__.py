"""The command line: options, output and exit codes; one file a command."""
