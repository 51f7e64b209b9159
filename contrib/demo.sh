#!/usr/bin/env bash
# Installs what is missing, builds an image for a real kernel and boots it in QEMU from a real AoE target, in a
# network namespace of its own; ends with what the booted system reported. Safe to repeat; asks nothing.
set -eu
cd "$(dirname "$0")/.."
. contrib/setup.sh
install_packages "$packages_to_build" "$packages_to_boot"
make_venv ""
as_root .venv/bin/python -m tests.lab.demo
