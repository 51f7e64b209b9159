# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Names of network interfaces: each gets one that stays, since the aoe driver knows its interfaces by name and udev
# renames early in the new root.

# find_interface INDEX: sets $interface and $mac to what the interface is called now; false if it has gone.
find_interface() {
	local folder index
	for folder in /sys/class/net/*; do
		read -r index 2>/dev/null <"$folder/ifindex" || continue
		[ "$index" = "$1" ] || continue
		interface="${folder##*/}"
		read -r mac <"$folder/address"
		return 0
	done
	return 1
}

# name_interface INDEX: gives the interface the name it keeps. udev leaves alone a name that an interface was
# given, but having had it all along does not count: then it goes through another.
name_interface() {
	local wanted number=0
	find_interface "$1" || return 1
	find_listed_name "$mac"
	wanted="$listed_name"
	while [ -z "$wanted" ]; do
		[ -e "/sys/class/net/aoe$number" ] || wanted="aoe$number"
		number="$((number + 1))"
	done
	rename_interface "$interface" "$wanted" || problem "cannot rename $interface ($mac) to $wanted ($reason)"
	find_interface "$1"
	[ -z "$vlan" ] || return 0
	[ "$interface" = "$wanted" ] || add_aoe_name "$wanted"
	add_aoe_name "$interface"
}

# rename_interface OLD NEW: renames an interface; one that has the name NEW already gets OLD in exchange.
rename_interface() {
	local old="$1"
	if [ -e "/sys/class/net/$2" ]; then
		change_name "$2" aoe-spare || return 1
		[ "$old" != "$2" ] || old=aoe-spare
	fi
	change_name "$old" "$2" || return 1
	[ ! -e /sys/class/net/aoe-spare ] || change_name aoe-spare "$1"
}

# change_name OLD NEW: sets $reason where the kernel refuses.
change_name() {
	reason="$(ip link set dev "$1" name "$2" 2>&1)"
}

# find_listed_name MAC: sets $listed_name to the name that the installed system uses for MAC, if it is known.
find_listed_name() {
	local mac name
	listed_name=
	[ -r /etc/aoeinit/interfaces ] || return 0
	while read -r mac name; do
		[ "$mac" != "$1" ] || listed_name="$name"
	done </etc/aoeinit/interfaces
}

# lower_case TEXT: sets $lower_case to the MAC in TEXT as sysfs writes it.
lower_case() {
	local rest="$1" letter
	lower_case=
	while [ -n "$rest" ]; do
		letter="${rest%"${rest#?}"}"
		rest="${rest#?}"
		case "$letter" in
		A) letter=a ;;
		B) letter=b ;;
		C) letter=c ;;
		D) letter=d ;;
		E) letter=e ;;
		F) letter=f ;;
		-) letter=: ;;
		*) ;;
		esac
		lower_case="$lower_case$letter"
	done
}

# colon_mac DIGITS: sets $colon_mac to a MAC that the aoe driver shows as 12 digits, as others write it.
colon_mac() {
	local rest="$1"
	colon_mac=
	while [ -n "$rest" ]; do
		colon_mac="$colon_mac${colon_mac:+:}${rest%"${rest#??}"}"
		rest="${rest#??}"
	done
}
