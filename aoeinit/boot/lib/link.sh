# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Links that are not plain Ethernet: large frames (rd.aoe.mtu=) and virtual LANs (rd.aoe.vlan=).

mtu=
vlan=
vlan_name=
vlan_refused=

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
	reason="$(ip link set dev "$1" mtu "$2" 2>&1)" && return
	problem "cannot set the MTU of $1 to $2 ($reason)"
	return 1
}

# needs_large_frames: the MTU that was asked for lets a frame carry more than one of 1500 does: the driver fills it with
# whole sectors, behind 36 bytes of headers.
needs_large_frames() {
	[ "$(((${mtu:-0} - 36) / 512))" -gt 2 ]
}

# name_vlan INDEX: sets $vlan_name to what the virtual LAN on the interface INDEX is called, $interface being its
# name; empty without rd.aoe.vlan=. The kernel takes 15 characters.
name_vlan() {
	vlan_name="${vlan:+$interface.$vlan}"
	[ "${#vlan_name}" -le 15 ] || vlan_name="aoe$1.$vlan"
}

# add_vlan INDEX: makes the virtual LAN on the interface INDEX, and raises it. False if that fails: untagged frames are
# no substitute.
add_vlan() {
	local reason
	name_vlan "$1"
	if reason="$(ip link add link "$interface" name "$vlan_name" type vlan id "$vlan" 2>&1)" &&
		reason="$(ip link set dev "$vlan_name" up 2>&1)"; then
		info "using VLAN $vlan on $interface as $vlan_name"
		return 0
	fi
	vlan_refused=1
	problem "cannot make VLAN $vlan on $interface ($reason)"
	return 1
}

# delete_vlan NAME: takes the virtual LAN away, unless the driver has a target behind it: that would never end.
delete_vlan() {
	local names file
	[ -e "/sys/class/net/$1" ] || return 0
	for file in '/sys/block/etherd!'*/netif; do
		read -r names 2>/dev/null <"$file" || continue
		case ",$names," in
		*",$1,"*) return ;;
		*) ;;
		esac
	done
	ip link delete dev "$1"
}

# set_frames BYTES: sets the MTU of all interfaces, and of the virtual LANs on them; false if none takes it.
set_frames() {
	local index taken=
	for index in $interfaces; do
		find_interface "$index" || continue
		set_mtu "$interface" "$1" || continue
		name_vlan "$index"
		[ -z "$vlan_name" ] || set_mtu "$vlan_name" "$1" || continue
		taken=1
	done
	[ -n "$taken" ]
}

# try_frames: the target is read in large frames from now on, if they were asked for and get through. False if they do
# not: then it has to answer anew. The kernel reads the partition table before that: what was asked for in large frames
# is asked for in them for ever, and a disk whose table is being read cannot be given up.
try_frames() {
	local payload=0 asked="$mtu"
	needs_large_frames || return 0
	mtu=
	begin_reading 0
	wait_for explain_unread has_read || fail "$failure"
	set_frames "$asked" || return 0
	probe_due=0 probe_pause=5
	if ! wait_shortly 5 explain_missing takes_large_frames; then
		problem "MTU $asked: target $target takes $payload bytes of data in a frame still; using 1500"
		set_frames 1500
	elif begin_reading 1 && wait_shortly 3 explain_missing has_read; then
		info "MTU $asked: target $target takes $payload bytes of data in a frame"
	else
		problem "target $target answers, but not in frames of $asked bytes: something on the way loses them; using 1500"
		forget_target
		return 1
	fi
}

# takes_large_frames: sets $payload to the bytes of data in a frame; true if that is more than fits into 1500.
takes_large_frames() {
	read -r payload 2>/dev/null <"/sys/block/etherd!$target/payload"
	[ "${payload:-0}" -le 1024 ] || return 0
	probe
	return 1
}

# begin_reading NUMBER: begins to read the block of that NUMBER, 16 KiB, beside the agent, which must not wait for it.
begin_reading() {
	make_node "/dev/etherd/$target" b "/sys/block/etherd!$target/dev"
	: >/run/aoeinit/reading
	{
		dd if="/dev/etherd/$target" of=/dev/null bs=16k skip="$1" count=1 2>/dev/null && rm /run/aoeinit/reading
	} &
}

# has_read: the reading that was begun is over, and has succeeded.
has_read() {
	[ ! -e /run/aoeinit/reading ]
}

# forget_target: small frames again, and the driver gives up the target with all that is under way. The NUL is the end
# of its name: without it e1.1 would be e1.10, too. No other target takes its place while it is away.
forget_target() {
	set_frames 1500
	make_node /dev/etherd/flush c /sys/class/aoe/flush/dev
	printf '%s\0' "$target" >/dev/etherd/flush &
	wait_shortly 10 explain_missing is_forgotten || fail "target $target answers, but not in frames of $asked bytes, and\
 the driver does not give up what it has asked for in them; see rd.aoe.mtu="
	rm -f /run/aoeinit/reading
	targets="$target" target='' probe_due=0 probe_pause=5
	name_targets
}

# is_forgotten: the driver has no disk of the target any more.
is_forgotten() {
	[ ! -e "/sys/block/etherd!$target" ]
}
