# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# A target that has answered may fall silent. The driver waits for it for ever, and so does whoever reads from it, also
# process 1: a process beside it, the watcher, looks at the target's disk meanwhile.

watcher=
silence_means="its server is overloaded or gone, or large frames are lost on the way (then rd.aoe.mtu=1500)"

# watched WORDS FUNCTION [ARGUMENT...]: runs FUNCTION, which reads from the target, under a watcher; WORDS say what it
# does.
watched() {
	watch_silence "$1" &
	watcher="$!"
	shift
	"$@"
	set -- "$?"
	stop_watcher
	return "$1"
}

# stop_watcher: ends the watcher if there is one. Never returns where it is the watcher that ends this boot.
stop_watcher() {
	[ -n "$watcher" ] || return 0
	[ -e /run/aoeinit/silent ] || kill "$watcher"
	wait "$watcher"
	watcher=
} 2>/dev/null

# watch_silence WORDS: says every 15 s that the target is silent, and ends the boot when it was for rd.aoe.timeout=. Any
# answer ends a silence: what is slow is never cut off.
watch_silence() {
	local before='' since silent reminder
	while read_clock; do
		if ! is_asked || [ "$answers" != "$before" ]; then
			before="$answers" since="$now" reminder=15
		fi
		silent="$(((now - since) / 100))"
		[ "$timeout" -eq 0 ] || [ "$silent" -lt "$timeout" ] || fail_in_silence "$1"
		if [ "$silent" -ge "$reminder" ]; then
			find_lost_link
			error "waiting for target $target, which has not answered for $silent s ($1)$without_link"
			reminder="$((silent + 15))"
		fi
		next_event 1
	done
}

# is_asked: there are requests that the target has not answered yet; sets $answers to how many it has. The fields are
# those of the kernel's Documentation/block/stat.rst; kernel 6.12 tells what a partition waits for with it, not with its
# disk.
is_asked() {
	local disk="/sys/block/etherd!$target" file reads writes waiting sum=0
	answers=
	for file in "$disk/stat" "$disk/etherd!$target"p*/stat; do
		read -r reads _ _ _ writes _ _ _ waiting _ 2>/dev/null <"$file" || continue
		answers="$answers $reads $writes"
		sum="$((sum + waiting))"
	done
	[ "$sum" -gt 0 ]
}

# fail_in_silence WORDS: the watcher ends the boot in the place of process 1, which the kernel holds.
fail_in_silence() {
	local server=
	: >/run/aoeinit/silent
	read -r server 2>/dev/null <"/sys/block/etherd!$target/mac"
	colon_mac "$server"
	find_lost_link
	fail "target $target${colon_mac:+ (server $colon_mac)} does not answer any more: nothing for $timeout s\
 ($1)${without_link:-; $silence_means}"
}

# find_lost_link: sets $without_link to what that says of a silence where the interfaces have lost their link.
find_lost_link() {
	without_link=
	! is_linked || return 0
	describe_interfaces
	without_link="${described:+; no carrier on $described: check cable, switch port and driver}"
}

# explain_unread: the part of explain_missing that is about a target that answered, but not what is read from it.
explain_unread() {
	awaited="target $target, which answered, to send what is read from it"
	failure="target $target answered, but did not send what is read from it within $timeout s: $silence_means"
}
