#!/usr/bin/env bash
# Measures aoeinit beside the generators that Debian packages, and writes docs/benchmark.md with its charts.
# Asks nothing. usage: contrib/benchmark.sh [build|inspect|boot|growth|migrate ...] [--rounds N]
# [--peer-command NAME=CMD ...] [--output DIR]
set -eu
cd "$(dirname "$0")/.."
. contrib/setup.sh
install_packages "$packages_to_build" "$packages_to_boot" "$packages_to_measure"
make_venv ""
as_root .venv/bin/python -m tests.benchmark "$@"
