# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Messages: one line each, through the kernel's log, so that its console level (quiet, loglevel=) decides what
# is seen. Warnings that may explain a later failure are kept in $problems and repeated with it.

debug=
problems=
message_limit=

# open_messages: lifts the kernel's limit on the number of lines until the hand-over.
open_messages() {
	read -r message_limit </proc/sys/kernel/printk_devkmsg
	printf 'on\n' >/proc/sys/kernel/printk_devkmsg
} 2>/dev/null

# close_messages: gives the limit back as it was.
close_messages() {
	[ -z "$message_limit" ] || printf '%s\n' "$message_limit" >/proc/sys/kernel/printk_devkmsg
} 2>/dev/null

# printable TEXT: sets $printable to TEXT with a space for each control character.
printable() {
	local rest="$1" head
	printable=
	while :; do
		head="${rest%%[[:cntrl:]]*}"
		printable="$printable$head"
		[ "$head" != "$rest" ] || return 0
		printable="$printable "
		rest="${rest#"$head"?}"
	done
}

# say LEVEL TEXT: one line in the kernel's log, or on the console where it takes none (printk.devkmsg=off).
say() {
	printable "$2"
	if [ -w /dev/kmsg ] && [ "$message_limit" != off ]; then
		# The kernel refuses a line of more than about 1,000 bytes.
		printf '<%s>aoeinit: %.900s\n' "$1" "$printable" >>/dev/kmsg
	elif [ -z "$quiet" ] || [ "$1" -lt 4 ]; then
		printf 'aoeinit: %s\n' "$printable"
	fi
}

# info TEXT: what a boot normally says.
info() {
	say 6 "$1"
}

# detail TEXT: what helps to follow a boot, with rd.debug only.
detail() {
	[ -z "$debug" ] || say 6 "$1"
}

# warn TEXT: something is not as asked for, and the boot goes on.
warn() {
	say 4 "$1"
}

# error TEXT: what must be seen even with quiet.
error() {
	say 3 "$1"
}

# problem TEXT: a warning that is repeated if the boot fails later.
problem() {
	warn "$1"
	problems="$problems${problems:+; }$1"
}
