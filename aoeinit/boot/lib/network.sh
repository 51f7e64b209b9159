# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Network interfaces: waited for, raised, and lowered again where they do not serve. An interface is remembered by
# its index, which stays when its name changes.

interfaces=

# await_interface: at least one candidate is up; fails after 30 s, as drivers may find their devices late.
await_interface() {
	local patience="$deadline"
	read_clock
	[ -n "$deadline" ] && [ "$deadline" -le "$((now + 3000))" ] || deadline="$((now + 3000))"
	wait_for explain_missing_interface find_interfaces || accept_any_interface || fail_without_interface
	deadline="$patience"
}

# explain_missing_interface: sets $awaited to the interfaces that will do.
explain_missing_interface() {
	awaited="a network interface${rd_aoe_nic:+ that is $rd_aoe_nic}"
}

# accept_any_interface: where nobody but the firmware named an interface and it is not there, any will do.
accept_any_interface() {
	[ -n "$abft_mac" ] && [ "$rd_aoe_nic" = "$abft_mac" ] || return 1
	rd_aoe_nic=
	find_interfaces || return 1
	problem "no network interface has the MAC $abft_mac of the firmware's aBFT; using all"
}

# find_interfaces: true if there is a candidate; drivers for devices that are new are loaded first.
find_interfaces() {
	load_modules_by_alias
	adopt_interfaces
}

# adopt_interfaces: names and raises each candidate that is new; true if there is any, new or not.
adopt_interfaces() {
	local folder index
	for folder in /sys/class/net/*; do
		is_candidate "$folder" || continue
		read -r index <"$folder/ifindex" || continue
		case " $interfaces " in
		*" $index "*) continue ;;
		*) ;;
		esac
		# One interface was asked for, and the name that this one gave up may now be another's.
		[ -z "$rd_aoe_nic" ] || [ -z "$interfaces" ] || continue
		interfaces="$interfaces${interfaces:+ }$index"
		name_interface "$index"
		raise_interface "$index"
	done
	[ -n "$interfaces" ]
}

# is_candidate FOLDER: the interface in sysfs FOLDER is Ethernet hardware (not wireless), and the one asked for.
is_candidate() {
	local type mac
	[ -e "$1/device" ] && [ ! -e "$1/phy80211" ] || return 1
	read -r type <"$1/type" && [ "$type" = 1 ] || return 1
	[ -n "$rd_aoe_nic" ] || return 0
	read -r mac <"$1/address"
	find_listed_name "$mac"
	lower_case "$rd_aoe_nic"
	[ "$rd_aoe_nic" = "${1##*/}" ] || [ "$rd_aoe_nic" = "$listed_name" ] || [ "$lower_case" = "$mac" ]
}

# raise_interface INDEX: sets the link up; its MTU stays.
raise_interface() {
	local reason
	find_interface "$1" || return 1
	if reason="$(ip link set dev "$interface" up 2>&1)"; then
		info "using interface $interface ($mac)"
	else
		problem "cannot raise $interface ($mac): $reason"
	fi
}

# await_carrier: at least one candidate has a link.
await_carrier() {
	wait_for explain_missing has_carrier || fail_without_device
}

# has_carrier: true if a candidate has a link.
has_carrier() {
	local index carrier
	find_interfaces
	for index in $interfaces; do
		find_interface "$index" || continue
		read -r carrier 2>/dev/null <"/sys/class/net/$interface/carrier" || continue
		[ "$carrier" != 1 ] || return 0
	done
	return 1
}

# describe_interfaces: sets $described to the candidates with their MACs.
describe_interfaces() {
	local index
	described=
	for index in $interfaces; do
		find_interface "$index" || continue
		described="$described${described:+, }$interface ($mac)"
	done
}

# lower_idle_interfaces: sets down the candidates that do not serve the target.
lower_idle_interfaces() {
	local index serving=
	read -r serving 2>/dev/null <"/sys/block/etherd!$target/netif"
	for index in $interfaces; do
		find_interface "$index" || continue
		case ",$serving," in
		*",$interface,"* | ,, | ,none,) ;;
		*) ip link set dev "$interface" down ;;
		esac
	done
}

# fail_without_interface: says which interfaces and drivers there are, and which hardware has no driver.
fail_without_interface() {
	list_present_interfaces
	list_driverless_hardware
	list_loaded_modules
	fail "no network interface${rd_aoe_nic:+ that is $rd_aoe_nic}; there are: ${present:-none}; hardware without a\
 driver in this image: ${driverless:-none seen}; modules loaded: ${loaded:-none}"
}

# list_present_interfaces: sets $present to all interfaces of real hardware.
list_present_interfaces() {
	local folder mac
	present=
	for folder in /sys/class/net/*; do
		[ -e "$folder/device" ] || continue
		read -r mac <"$folder/address"
		present="$present${present:+, }${folder##*/} ($mac)"
	done
}

# list_driverless_hardware: sets $driverless to the network devices on PCI that no driver has taken.
list_driverless_hardware() {
	local folder class modalias
	driverless=
	for folder in /sys/bus/pci/devices/*; do
		[ ! -e "$folder/driver" ] || continue
		read -r class 2>/dev/null <"$folder/class" || continue
		[ "$class" != "${class#0x02}" ] || continue
		read -r modalias <"$folder/modalias"
		driverless="$driverless${driverless:+, }${folder##*/} ($modalias)"
	done
}
