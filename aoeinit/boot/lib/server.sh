# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The servers: the driver takes every one that answers for a target as a path to it, for writing too. rd.aoe.server=
# names those that may.

rd_aoe_server=

# check_servers: nobody but the servers of rd.aoe.server= answers for the target; fails loudly if somebody does.
check_servers() {
	local rest each allowed=
	[ -n "$rd_aoe_server" ] || return 0
	lower_case "$rd_aoe_server"
	rest="$lower_case,"
	while [ -n "$rest" ]; do
		each="${rest%%,*}" rest="${rest#*,}"
		is_mac "$each" || fail "rd.aoe.server=$rd_aoe_server: \"$each\" is no MAC address such as 52:54:00:00:00:01, and\
 without knowing the server nothing is mounted"
		allowed="$allowed $each "
	done
	list_servers
	rest="$servers,"
	while [ -n "$rest" ]; do
		each="${rest%%,*}" rest="${rest#*,}"
		case "$allowed" in
		*" $each "*) ;;
		*) fail "target $target is answered for by ${each:-nobody}, whom rd.aoe.server=$rd_aoe_server does not name: nothing\
 is mounted (all that answer: ${servers:-none})" ;;
		esac
	done
}

# list_servers: sets $servers to the MACs of all that answer for the target, separated by commas. sysfs tells the first
# only, debugfs all, as soon as the disk is complete.
list_servers() {
	local line
	servers=
	mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
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
	umount /sys/kernel/debug 2>/dev/null
	[ -z "$servers" ] || return 0
	read -r line <"/sys/block/etherd!$target/mac"
	colon_mac "$line"
	servers="$colon_mac"
}

# is_mac TEXT: TEXT is a MAC address as sysfs writes it.
is_mac() {
	case "$1" in
	*[!0123456789abcdef:]*) return 1 ;;
	??:??:??:??:??:??) return 0 ;;
	*) return 1 ;;
	esac
}
