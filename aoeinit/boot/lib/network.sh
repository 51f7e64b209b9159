# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Network interfaces: waited for, raised, and lowered again where they do not serve. An interface is remembered by
# its index, which stays when its name changes.

interfaces=
unusable=

# The names of rd.aoe.nic= that an interface has taken, as INDEX=NAME, with a comma after each.
served_names=

# The indexes of the interfaces that serve the target, once that is certain.
serving=

# await_interface: at least one candidate is up; fails after 30 s, as drivers may find their devices late.
await_interface() {
	wait_shortly 30 explain_missing_interface find_interfaces || accept_any_interface || fail_without_interface
}

# explain_missing_interface: sets $awaited to the interfaces that will do.
explain_missing_interface() {
	awaited="a network interface${rd_aoe_nic:+ that is $rd_aoe_nic}"
}

# accept_any_interface: where nobody but the firmware named an interface and it is not there, any will do.
accept_any_interface() {
	[ -n "$abft_decides" ] || return 1
	rd_aoe_nic=
	find_interfaces || return 1
	problem "no network interface has the MAC $abft_mac of the firmware's aBFT; using all"
}

# find_interfaces: true if there is a candidate; drivers for devices that are new are loaded first.
find_interfaces() {
	load_modules_by_alias
	adopt_interfaces
}

# adopt_interfaces: raises each candidate that is new, named if that is certain; true if there is any that is up, new or
# not. All are found before the first is renamed: the name that one gives up may be another's next.
adopt_interfaces() {
	local folder index new=
	for folder in /sys/class/net/*; do
		read -r index 2>/dev/null <"$folder/ifindex" || continue
		case " $interfaces $unusable " in
		*" $index "*) continue ;;
		*) ;;
		esac
		! is_candidate "$folder" || new="$new${new:+ }$index"
	done
	[ -z "$new" ] || name_new_interfaces
	for index in $new; do
		if raise_interface "$index"; then
			interfaces="$interfaces${interfaces:+ }$index"
		else
			unusable="$unusable $index"
		fi
	done
	[ -n "$interfaces" ]
}

# is_candidate FOLDER: the interface in sysfs FOLDER is Ethernet hardware (not wireless), and one of those asked for.
is_candidate() {
	local type
	[ -e "$1/device" ] && [ ! -e "$1/phy80211" ] || return 1
	read -r type <"$1/type" && [ "$type" = 1 ] || return 1
	[ -z "$rd_aoe_nic" ] || is_asked_for "$1"
}

# is_asked_for FOLDER: rd.aoe.nic= names the interface in sysfs FOLDER. Each of its names serves only once.
is_asked_for() {
	local rest="$rd_aoe_nic," each index mac
	read -r index <"$1/ifindex"
	read -r mac <"$1/address"
	find_listed_name "$mac"
	while [ -n "$rest" ]; do
		each="${rest%%,*}" rest="${rest#*,}"
		if [ -z "$each" ] || is_served "$each"; then
			continue
		fi
		lower_case "$each"
		if [ "$each" = "${1##*/}" ] || [ "$each" = "$listed_name" ] || [ "$lower_case" = "$mac" ]; then
			served_names="$served_names$index=$each,"
			return 0
		fi
	done
	return 1
}

# is_served NAME: an interface has taken this name of rd.aoe.nic=, and is still there: one on USB that restarts comes
# back as another.
is_served() {
	local rest="$served_names" each interface mac
	while [ -n "$rest" ]; do
		each="${rest%%,*}" rest="${rest#*,}"
		[ "${each#*=}" != "$1" ] || ! find_interface "${each%%=*}" || return 0
	done
	return 1
}

# raise_interface INDEX: sets the link up, at the MTU and with the VLAN that were asked for; large frames come later.
# False if link or VLAN cannot be set up: such an interface is as good as none.
raise_interface() {
	local reason
	find_interface "$1" || return 1
	[ -z "$mtu" ] || needs_large_frames || set_mtu "$interface" "$mtu"
	if reason="$(ip link set dev "$interface" up 2>&1)"; then
		info "using interface $interface ($mac)"
	else
		list_missing_firmware
		problem "cannot raise $interface ($mac): $reason${firmware:+; firmware that is not in the image: $firmware}"
		return 1
	fi
	[ -z "$vlan" ] || add_vlan "$1" || {
		lower_interface "$1"
		return 1
	}
}

# await_carrier: at least one candidate has a link.
await_carrier() {
	wait_for explain_missing has_carrier || fail "$failure"
}

# has_carrier: true if a candidate has a link; new interfaces are raised first.
has_carrier() {
	find_interfaces
	is_linked
}

# is_linked: true if a candidate has a link.
is_linked() {
	local index
	for index in $interfaces; do
		! has_link "$index" || return 0
	done
	return 1
}

# has_link INDEX: true if that interface has a link.
has_link() {
	local carrier=
	find_interface "$1" && read -r carrier 2>/dev/null <"/sys/class/net/$interface/carrier" && [ "$carrier" = 1 ]
}

# describe_interfaces: sets $described to the candidates with their MACs, or to those that serve once that is certain.
describe_interfaces() {
	local index
	described=
	for index in ${serving:-$interfaces}; do
		find_interface "$index" || continue
		described="$described${described:+, }$interface ($mac)"
	done
}

# lower_idle_interfaces: sets down the candidates that do not serve the target; those asked for by name stay up.
lower_idle_interfaces() {
	local index
	[ -z "$rd_aoe_nic" ] || return 0
	find_serving_interfaces
	for index in $interfaces; do
		case " $serving " in
		*" $index "*) ;;
		*) lower_interface "$index" ;;
		esac
	done
}

# lower_interface INDEX: sets the interface down, without a virtual LAN.
lower_interface() {
	find_interface "$1" || return 1
	name_vlan "$1"
	[ -z "$vlan_name" ] || delete_vlan "$vlan_name"
	ip link set dev "$interface" down
}

# find_serving_interfaces: sets $serving to the candidates that the driver reaches the target through, in its order.
find_serving_interfaces() {
	local rest='' index
	serving=
	read -r rest 2>/dev/null <"/sys/block/etherd!$target/netif"
	case "$rest" in
	'' | none) serving="$interfaces" && return ;;
	*) rest="$rest," ;;
	esac
	while [ -n "$rest" ]; do
		for index in $interfaces; do
			find_interface "$index" || continue
			name_vlan "$index"
			[ "${vlan_name:-"$interface"}" != "${rest%%,*}" ] || serving="$serving${serving:+ }$index"
		done
		rest="${rest#*,}"
	done
}
