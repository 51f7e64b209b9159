# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Names of network interfaces: what serves the target gets one that stays, since the aoe driver knows its interfaces by
# name and udev renames early in the new root. What does not serve is left to udev and the installed system.

# The indexes of the interfaces that have the name they keep.
named=

# An interface went down to be renamed, and up again.
raised_again=

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

# name_new_interfaces: of the interfaces in $new, those get their name before they go up that have one for sure: it is
# known, or rd.aoe.nic= asks for them, or they are alone. Others keep the kernel's until it is certain that they serve.
name_new_interfaces() {
	local index
	for index in $new; do
		find_interface "$index" || continue
		find_listed_name "$mac"
		if [ -n "$rd_aoe_nic$listed_name" ] || [ "$interfaces$unusable$new" = "$index" ]; then
			name_interface "$index"
		fi
	done
	show_interfaces "$interfaces $new"
}

# name_serving_interfaces: those that serve the target have the names that they keep, and the driver uses no others.
# What is asked of the target without a link is asked again after pauses that grow, so the link is waited for; if it
# does not come, whoever reads from the target finds out.
name_serving_interfaces() {
	local index old
	[ -z "$rd_aoe_nic" ] || return 0
	raised_again=
	for index in $serving; do
		case " $named " in
		*" $index "*) continue ;;
		*) find_interface "$index" || continue ;;
		esac
		old="$interface"
		name_interface "$index"
		[ "$interface" = "$old" ] || info "$old ($mac) serves target $target and is called $interface from now on"
	done
	aoe_names=
	show_interfaces "$serving"
	[ -z "$raised_again" ] || wait_shortly 15 explain_lost_link serves_linked ||
		problem "no carrier on $linkless since it was renamed"
}

# serves_linked: all that serve the target have a link; if not, sets $linkless to the first without one.
serves_linked() {
	local index
	for index in $serving; do
		if ! has_link "$index" && find_interface "$index"; then
			linkless="$interface ($mac)"
			return 1
		fi
	done
}

# explain_lost_link: sets $awaited to the link that does not come back.
explain_lost_link() {
	awaited="carrier on $linkless"
}

# name_interface INDEX: gives the interface the name it keeps. udev leaves alone a name that an interface was
# given, but having had it all along does not count: then it goes through another.
name_interface() {
	local wanted number=0
	find_interface "$1" || return 1
	find_listed_name "$mac"
	wanted="$listed_name"
	while [ -z "$wanted" ]; do
		is_taken "aoe$number" || wanted="aoe$number"
		number="$((number + 1))"
	done
	show_name "$1" "$wanted"
	rename_interface "$interface" "$wanted" || problem "cannot rename $interface ($mac) to $wanted ($reason)"
	named="$named $1"
	find_interface "$1"
}

# is_taken NAME: there is an interface of that NAME; once it is certain which ones serve, those that do not give theirs.
is_taken() {
	local index
	read -r index 2>/dev/null <"/sys/class/net/$1/ifindex" || return 1
	case " $serving " in
	'  ' | *" $index "*) return 0 ;;
	*) return 1 ;;
	esac
}

# show_interfaces LIST: the driver is to use the interfaces with these indexes under the names that they have.
show_interfaces() {
	local rest="$1 " interface mac
	while [ -n "$rest" ]; do
		! find_interface "${rest%% *}" || show_name "${rest%% *}" "$interface"
		rest="${rest#* }"
	done
}

# show_name INDEX NAME: the driver is to use the interface, or the virtual LAN on it, under that NAME too.
show_name() {
	local interface="$2"
	name_vlan "$1"
	add_aoe_name "${vlan_name:-"$2"}"
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

# change_name OLD NEW: renames an interface and the virtual LAN on it.
change_name() {
	rename_link "$1" "$2" || return 1
	[ -z "$vlan" ] || [ ! -e "/sys/class/net/$1.$vlan" ] || rename_link "$1.$vlan" "$2.$vlan"
}

# rename_link OLD NEW: sets $reason where the kernel refuses. One before 6.2 renames no link that is up (its carrier can
# be read, even if there is none): it goes down for that.
rename_link() {
	reason="$(ip link set dev "$1" name "$2" 2>&1)" && return
	read -r _ 2>/dev/null <"/sys/class/net/$1/carrier" || return 1
	detail "$1 goes down to be renamed ($reason)"
	ip link set dev "$1" down
	raised_again=1
	if reason="$(ip link set dev "$1" name "$2" 2>&1)"; then
		ip link set dev "$2" up
	else
		ip link set dev "$1" up
		return 1
	fi
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
	local rest="$1" head letter
	lower_case=
	while :; do
		# All up to the next letter at once: letter by letter a value of 4 KiB takes minutes.
		head="${rest%%[ABCDEF-]*}"
		lower_case="$lower_case$head"
		[ "$head" != "$rest" ] || return 0
		rest="${rest#"$head"}"
		case "$rest" in
		A*) letter=a ;;
		B*) letter=b ;;
		C*) letter=c ;;
		D*) letter=d ;;
		E*) letter=e ;;
		F*) letter=f ;;
		*) letter=: ;;
		esac
		rest="${rest#?}"
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
