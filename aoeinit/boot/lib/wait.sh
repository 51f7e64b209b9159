# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Time and waiting: no fixed sleep. A wait looks at its condition when the kernel reports a device (uevent), and
# at least every 50 ms, since the carrier of a link comes without a report.

# The latest uptime at which to wait for the root device, in hundredths of a second; empty: no limit.
deadline=

# read_clock: sets $now to the kernel's uptime in hundredths of a second.
read_clock() {
	local seconds
	read -r seconds _ </proc/uptime || return 1
	now="$((${seconds%.*} * 100 + 1${seconds#*.} - 100))"
}

# mark STEP: notes in the time line when STEP was reached.
mark() {
	local seconds
	read -r seconds _ </proc/uptime
	printf '%s %s\n' "$seconds" "$1" >>/run/aoeinit/timeline
	detail "step $1 reached at $seconds s"
	break_here "$1"
}

# start_events: from now on each report of the kernel about a device ends next_event early.
start_events() {
	mkfifo /run/aoeinit/events ||
		fail "cannot make /run/aoeinit/events, which all waits need: the machine needs more memory"
	uevent echo event >/run/aoeinit/events &
	events_pid="$!"
	exec 3<>/run/aoeinit/events
	read_clock
	[ "$timeout" -eq 0 ] || deadline="$((now + timeout * 100))"
}

# stop_events: leaves no process and no open file behind.
stop_events() {
	kill "$events_pid"
	wait "$events_pid"
	exec 3<&-
	rm /run/aoeinit/events
} 2>/dev/null

# next_event SECONDS: returns at the kernel's next report, at the latest after SECONDS.
next_event() {
	# shellcheck disable=SC3045 # busybox ash has time-outs, fractions of a second included
	read -r -t "$1" _ <&3
} 2>/dev/null

# wait_for EXPLAIN CONDITION: true once the function CONDITION is, false at the deadline; every 15 s says what it is
# that the function EXPLAIN has put into $awaited. Always explains first and looks last: what came while that was found
# out is not missing, and "only e11.0 answered" would be a lie.
wait_for() {
	local reminder
	read_clock
	reminder="$((now + 1500))"
	until "$2"; do
		read_clock
		if [ -n "$deadline" ] && [ "$now" -ge "$deadline" ]; then
			"$1"
			"$2"
			return
		fi
		if [ "$now" -ge "$reminder" ]; then
			"$1"
			! "$2" || return 0
			error "waiting for $awaited"
			reminder="$((now + 1500))"
		fi
		next_event 0.05
	done
	return 0
}

# wait_shortly SECONDS EXPLAIN CONDITION: like wait_for, but for SECONDS at most.
wait_shortly() {
	local patience="$deadline"
	read_clock
	deadline="$((now + $1 * 100))"
	[ -z "$patience" ] || [ "$patience" -gt "$deadline" ] || deadline="$patience"
	wait_for "$2" "$3"
	set -- "$?"
	deadline="$patience"
	return "$1"
}

# pause SECONDS: lets SECONDS pass, so that a message can be read.
pause() {
	local end
	# Without a clock, where /proc could not be mounted, one wait has to do.
	read_clock || next_event "$1" || return 0
	end="$((now + $1 * 100))"
	while read_clock && [ "$now" -lt "$end" ]; do
		next_event 1
	done
}

# pause_for_ever: never returns: the kernel panics when process 1 ends.
pause_for_ever() {
	while :; do
		next_event 3600
	done
}
