# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The servers: the driver takes every one that answers for a target as a path to it, for writing too. rd.aoe.server=
# names those that may.

rd_aoe_server=
pinned=
first_only=

# check_servers: nobody but the servers of rd.aoe.server= answers for the target; fails loudly if somebody does.
check_servers() {
	[ -n "$rd_aoe_server" ] || return 0
	read_pin
	! find_stranger || fail "target $target is answered for by ${stranger:-nobody}, whom rd.aoe.server=$rd_aoe_server does\
 not name: nothing is mounted; switch that server off, or name it, too (all that answer: ${servers:-none})"
}

# read_pin: sets $pinned to the MACs of rd.aoe.server=, a comma and a space between them; fails where one is none.
read_pin() {
	local rest each
	pinned=
	lower_case "$rd_aoe_server"
	rest="$lower_case,"
	while [ -n "$rest" ]; do
		each="${rest%%,*}" rest="${rest#*,}"
		is_mac "$each" || fail "rd.aoe.server=$rd_aoe_server: \"$each\" is no MAC address such as 52:54:00:00:00:01, and\
 without knowing the server nothing is mounted"
		pinned="$pinned${pinned:+, }$each"
	done
}

# find_stranger: true if somebody answers for the target who is not in $pinned; sets $stranger to the first.
find_stranger() {
	local rest
	list_servers
	rest="$servers,"
	while [ -n "$rest" ]; do
		stranger="${rest%%,*}" rest="${rest#*,}"
		case ", $pinned," in
		*", $stranger,"*) ;;
		*) return 0 ;;
		esac
	done
	return 1
}

# list_servers: sets $servers to the MACs of all that answer for the target, separated by commas. sysfs tells the first
# only, debugfs all, as soon as the disk is complete; $first_only is set where it is just that one.
list_servers() {
	local line mounted=
	servers='' first_only=
	# Where it is there already, the running system's, it is left there.
	mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null && mounted=1
	while IFS= read -r line; do
		case "$line" in
		*[!0123456789abcdef:]*) ;;
		????????????:*)
			colon_mac "${line%%:*}"
			servers="$servers${servers:+,}$colon_mac"
			;;
		*) ;;
		esac
	done 2>/dev/null <"/sys/kernel/debug/aoe/$target"
	[ -z "$mounted" ] || umount /sys/kernel/debug
	[ -z "$servers" ] || return 0
	read -r line <"/sys/block/etherd!$target/mac"
	colon_mac "$line"
	servers="$colon_mac" first_only=1
}

# is_mac TEXT: TEXT is a MAC address as sysfs writes it.
is_mac() {
	case "$1" in
	*[!0123456789abcdef:]* | *::* | :* | *:) return 1 ;;
	??:??:??:??:??:??) return 0 ;;
	*) return 1 ;;
	esac
}
