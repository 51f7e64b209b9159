# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Links that are not plain Ethernet: large frames (rd.aoe.mtu=) and virtual LANs (rd.aoe.vlan=).

mtu=
vlan=
vlan_name=

# set_wanted_mtu VALUE: bytes in a frame, from what IPv4 demands to the most that Ethernet hardware does.
set_wanted_mtu() {
	if is_number "$1" 65535 && [ "$1" -ge 576 ]; then
		mtu="$1"
	else
		warn "rd.aoe.mtu=$1 is not a number of bytes from 576 to 65535; using the interface's own"
	fi
}

# set_vlan VALUE: the number of a virtual LAN.
set_vlan() {
	if is_number "$1" 4094 && [ "$1" -gt 0 ]; then
		vlan="$1"
	else
		warn "rd.aoe.vlan=$1 is not a VLAN from 1 to 4094; ignored"
	fi
}

# set_mtu INTERFACE BYTES: false if the interface does not have it.
set_mtu() {
	local reason
	reason="$(ip link set dev "$1" mtu "$2" 2>&1)" || problem "cannot set the MTU of $1 to $2 ($reason)"
}

# name_vlan INDEX: sets $vlan_name to what the virtual LAN on the interface INDEX is called, $interface being its
# name; empty without rd.aoe.vlan=. The kernel takes 15 characters.
name_vlan() {
	vlan_name="${vlan:+$interface.$vlan}"
	[ "${#vlan_name}" -le 15 ] || vlan_name="aoe$1.$vlan"
}

# add_vlan INDEX: makes the virtual LAN on the interface INDEX, raises it and shows it to the driver in its place.
add_vlan() {
	local reason
	name_vlan "$1"
	if reason="$(ip link add link "$interface" name "$vlan_name" type vlan id "$vlan" 2>&1)" &&
		reason="$(ip link set dev "$vlan_name" up 2>&1)"; then
		add_aoe_name "$vlan_name"
		info "using VLAN $vlan on $interface as $vlan_name"
	else
		problem "cannot make VLAN $vlan on $interface ($reason); the kernel needs it built in or the image --module 8021q"
	fi
}

# try_frames: says how much data a frame carries, and ends the boot where large frames were asked for and get lost on
# the way: the driver repeats what is under way as it is, however small its frames have become by then.
try_frames() {
	local payload
	[ -n "$mtu" ] || return 0
	[ "$mtu" -le 1500 ] || reads_at_once ||
		fail "target $target answers, but not in frames of $mtu bytes: something on the way loses them; see rd.aoe.mtu="
	read -r payload 2>/dev/null <"/sys/block/etherd!$target/payload"
	info "MTU $mtu: target $target takes ${payload:-an unknown number of} bytes of data in a frame"
}

# reads_at_once: the target's first 16 KiB come within 3 s; whoever waits for them does so beside the agent.
reads_at_once() {
	local patience="$deadline"
	: >/run/aoeinit/reading
	{
		dd if="/dev/etherd/$target" of=/dev/null bs=16k count=1 2>/dev/null
		rm /run/aoeinit/reading
	} &
	read_clock
	deadline="$((now + 300))"
	wait_for explain_missing has_read
	set -- "$?"
	deadline="$patience"
	return "$1"
}

# has_read: the reading that reads_at_once began is over.
has_read() {
	[ ! -e /run/aoeinit/reading ]
}
