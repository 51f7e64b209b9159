#!/usr/bin/env bash
# Installs what is missing and runs every check: linters, unit and agent tests, proofs against the programs of
# the distribution, and boots of real kernels in QEMU. With --fast: all but the boots.
set -eu
cd "$(dirname "$0")/.."
. contrib/setup.sh

boots=yes
case "${1-}" in
--fast) boots=no ;;
'') ;;
*)
	echo "usage: tests/run.sh [--fast]" >&2
	exit 2
	;;
esac

# step TITLE COMMAND...: runs it and tells how long it took.
step() {
	local title=$1 start=$SECONDS
	shift
	echo "== $title"
	"$@"
	echo "== $title: $((SECONDS - start)) s"
}

shell_scripts() {
	git ls-files -z --cached --others --exclude-standard -- '*.sh' aoeinit/boot/init aoeinit/boot/guard aoeinit/boot/keep-pin aoeinit/trial/init .ci/run hooks
}

lint() {
	.venv/bin/ruff check --no-cache .
	.venv/bin/ruff format --no-cache --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	shell_scripts | xargs -0 shellcheck
	shell_scripts | xargs -0 shfmt -d
}

# boots: two at a time; those that wait for minutes and do little else go on beside them, one after the other.
boots() {
	local status=0
	as_root true # asks for a password here, if it has to: what is beside this cannot
	said=$(mktemp)
	set -m # a group of its own, to be ended as one
	as_root .venv/bin/python -m pytest -q -m idle tests/boot >"$said" 2>&1 &
	set +m
	idle=$!
	trap 'exit 130' INT TERM
	trap end_idle EXIT
	as_root .venv/bin/python -m pytest -q -n 2 -m "not idle" tests/boot || status=1
	wait "$idle" || status=1
	return "$status"
}

# end_idle: ends what boots has started beside itself, where that is not over, and tells what it said.
end_idle() {
	as_root kill -- "-$idle" 2>/dev/null || :
	cat "$said"
	rm "$said"
}

step "install" install_packages "$packages_to_build" "$packages_to_boot" "$packages_to_test"
step "environment" make_venv "[test]"
step "lint" lint
step "unit and agent tests" .venv/bin/python -m pytest -q -n 2 tests/unit tests/agent
step "proofs" as_root .venv/bin/python -m pytest -q -n 2 tests/proof
if [ "$boots" = yes ]; then
	step "boots" boots
fi
