# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# How a boot ends that does not reach its root, and the shell of images that were built with one.

onfail=reboot
break_at=

# set_onfail VALUE: what follows a failure.
set_onfail() {
	case "$1" in
	shell | reboot | poweroff | wait) onfail="$1" ;;
	*) warn "rd.aoe.onfail=$1 is none of shell, reboot, poweroff, wait; using $onfail" ;;
	esac
}

# set_break VALUE: the step at which the shell opens.
set_break() {
	case "$1" in
	start | modules | interface | carrier | aoe | device | root | switch) break_at="$1" ;;
	*) warn "rd.break=$1 is none of start, modules, interface, carrier, aoe, device, root, switch; ignored" ;;
	esac
}

# recover_from_panic: lets the kernel restart the machine where it panics, as it does when the new init cannot be
# executed, after the seconds of panic=; by itself it hangs for ever. What it was told, or was built with, stays.
recover_from_panic() {
	local seconds
	[ "$onfail" = reboot ] || return 0
	# Not with read, which asks byte by byte: of a number in /proc/sys the kernel gives the first one only.
	seconds="$(cat /proc/sys/kernel/panic)"
	[ "$seconds" != 0 ] || printf '%s\n' "$panic" >/proc/sys/kernel/panic
} 2>/dev/null

# fail TEXT: the end of this boot. Says why and what went wrong before, goes on as rd.aoe.onfail= says, never returns.
fail() {
	stop_watcher
	error "$1"
	[ -z "$problems" ] || error "earlier in this boot: $problems"
	[ "$onfail" != shell ] || open_shell rd.aoe.onfail=shell
	if [ "$onfail" = wait ]; then
		error "waiting for ever, as rd.aoe.onfail=wait says" && pause_for_ever
	elif [ "$onfail" = poweroff ]; then
		end_with poweroff "switching off"
	else
		end_with reboot "restarting"
	fi
	error "the machine does not restart"
	pause_for_ever
}

# end_with APPLET WORD: ends after the seconds of panic=, without a sync: that never returns where the target does not
# answer what was asked of it, and the agent itself writes nothing there.
end_with() {
	case "$panic" in
	-*) ;;
	0) error "waiting for ever, as panic=0 says" && pause_for_ever ;;
	*) error "$2 in $panic seconds" && pause "$panic" ;;
	esac
	"/bin/$1" -n -f
}

# break_here STEP: opens the shell where rd.break= names STEP. The time in it is not lost to the search for the root.
break_here() {
	local opened
	[ "$break_at" = "$1" ] || return 0
	read_clock
	opened="$now"
	open_shell "rd.break=$1"
	read_clock
	[ -z "$deadline" ] || deadline="$((deadline + now - opened))"
}

# open_shell REASON: lets whoever is at the console look around, if the image was built for that; they may have to give
# the password of the image first. Returns when the shell ends.
open_shell() {
	if [ -z "$image_shell" ]; then
		error "$1 needs an image that was built with --emergency-shell; this one has no shell"
		return
	fi
	error "$1: a shell on the console; leave it with exit"
	if [ "$image_shell" = password ]; then
		setsid cttyhack sulogin
	else
		setsid cttyhack sh
	fi
}
