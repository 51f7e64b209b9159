# Network interfaces: found, named, raised, and waited for. An interface is remembered by its index, which stays
# when its name changes.

interfaces=
aoe_names=

# await_interface: at least one candidate is up; fails after 30 s, as drivers may find their devices late.
await_interface() {
	local patience="$deadline"
	read_clock
	[ -n "$deadline" ] && [ "$deadline" -le "$((now + 3000))" ] || deadline="$((now + 3000))"
	wait_for "a network interface${rd_aoe_nic:+ that is $rd_aoe_nic}" find_interfaces || fail_without_interface
	deadline="$patience"
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
		# One interface was asked for, and a name that was free'd in between would lead to another.
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

# find_listed_name MAC: sets $listed_name to the name that the installed system uses for MAC, if it is known.
find_listed_name() {
	local mac name
	listed_name=
	[ -r /etc/aoeinit/interfaces ] || return 0
	while read -r mac name; do
		[ "$mac" != "$1" ] || listed_name="$name"
	done </etc/aoeinit/interfaces
}

# find_interface INDEX: sets $interface and $mac to what the interface is called now; false if it has gone.
find_interface() {
	local folder index
	for folder in /sys/class/net/*; do
		read -r index 2>/dev/null <"$folder/ifindex" || continue
		[ "$index" = "$1" ] || continue
		interface="${folder##*/}"
		read -r mac <"$folder/address"
		return
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
	wait_for "carrier" has_carrier || fail_without_device
}

# has_carrier: true if a candidate has a link.
has_carrier() {
	local index carrier
	adopt_interfaces
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

# fail_without_interface: says what was loaded and which network hardware has no driver.
fail_without_interface() {
	local device class modalias missing=
	for device in /sys/bus/pci/devices/*; do
		read -r class 2>/dev/null <"$device/class" || continue
		case "$class" in
		0x02*) ;;
		*) continue ;;
		esac
		[ ! -e "$device/driver" ] || continue
		read -r modalias <"$device/modalias"
		missing="$missing, ${device##*/} ($modalias)"
	done
	fail "no network interface${rd_aoe_nic:+ that is $rd_aoe_nic}: loaded ${loaded_modules:-no modules}; \
network hardware without a driver: ${missing:-, none seen}"
}

# lower_idle_interfaces: sets down the candidates that do not serve the target.
lower_idle_interfaces() {
	local index serving=
	read -r serving <"/sys/block/etherd!$target/netif"
	for index in $interfaces; do
		find_interface "$index" || continue
		case ",$serving," in
		*",$interface,"* | ,, | ,none,) ;;
		*) ip link set dev "$interface" down ;;
		esac
	done
}
