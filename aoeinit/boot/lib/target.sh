# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The target and the root's device on it: chosen, asked for with growing pauses, and told about when it is not
# there.

has_aoe=

# choose_root: sets $target and $partition (p2, or empty for the whole disk) from root=, or fails.
choose_root() {
	local name="${root#/dev/etherd/}" complaint="root= is missing"
	target="${name%%p*}"
	partition="${name#"$target"}"
	if [ "$root" != "/dev/etherd/$name" ] || ! is_target "$target" || ! is_partition "$partition"; then
		[ -z "$root" ] || complaint="root=$root is not supported"
		fail "$complaint: this image accepts a target's disk or partition, as in root=/dev/etherd/e11.0 or\
 root=/dev/etherd/e11.0p1"
	fi
	[ "${rd_aoe:-$target}" = "$target" ] ||
		problem "rd.aoe=$rd_aoe and root=$root name different targets; root= decides"
	[ "${image_target:-$target}" = "$target" ] || info "root=$root, though the image was built for $image_target"
}

# is_partition TEXT: TEXT is the end of a partition's name, p<number>, or empty.
is_partition() {
	[ -z "$1" ] || { [ "$1" != "${1#p}" ] && [ "$1" != p0 ] && is_number "${1#p}" 255; }
}

# load_aoe: the driver is there and asks through the candidates only. It never gives up on a server that is away,
# as a root file system could not survive that.
load_aoe() {
	[ -d /sys/module/aoe ] || load_modules aoe || fail "the aoe driver did not load, and without it there is no root"
	has_aoe=1
	show_aoe_names
	printf 0 >/sys/module/aoe/parameters/aoe_deadsecs || problem "cannot set aoe_deadsecs"
	probe_due=0 probe_pause=5
}

# add_aoe_name NAME: the driver is to use the interface NAME too.
add_aoe_name() {
	aoe_names="$aoe_names${aoe_names:+,}$1"
	show_aoe_names
}

# show_aoe_names: tells the driver, once it is there, which interfaces are its own.
show_aoe_names() {
	[ -z "$has_aoe" ] || printf '%s' "$aoe_names" >/sys/module/aoe/parameters/aoe_iflist ||
		problem "cannot set aoe_iflist"
}

# await_root_device: the root's device is there.
await_root_device() {
	wait_for "$root" find_root_device || fail_without_device
	info "root device $root is there"
}

# find_root_device: true if the root's device is there; asks for the target again when that is due.
find_root_device() {
	make_node "$root" b "/sys/class/block/etherd!$target$partition/dev"
	[ ! -e "$root" ] || return 0
	adopt_interfaces
	probe
	return 1
}

# probe: lets the driver ask all targets to answer, after pauses that grow from 50 ms to 1 s.
probe() {
	read_clock
	[ "$now" -ge "$probe_due" ] || return 0
	make_node /dev/etherd/discover c /sys/class/aoe/discover/dev
	[ ! -w /dev/etherd/discover ] || echo >/dev/etherd/discover
	probe_due="$((now + probe_pause))"
	probe_pause="$((probe_pause * 2))"
	[ "$probe_pause" -lt 100 ] || probe_pause=100
}

# fail_without_device: the time is over: says what of link, server, target and partition was missing.
fail_without_device() {
	local masked="a server that does not admit this MAC address looks the same"
	describe_interfaces
	described="${described:-any interface}"
	list_disks
	if [ -z "$disks" ] && ! has_carrier; then
		fail "no carrier on $described within $timeout s: check cable, switch port and driver"
	elif [ -z "$disks" ]; then
		fail "no AoE target answered on $described within $timeout s, and $target was waited for; $masked"
	elif [ ! -e "/sys/block/etherd!$target" ]; then
		fail "target $target did not answer on $described within $timeout s, only $disks did; $masked"
	fi
	list_partitions
	fail "target $target has no partition ${partition#p}, it has ${partitions:-none}"
}

# list_disks: sets $disks to the targets that answered.
list_disks() {
	local folder
	disks=
	for folder in '/sys/block/etherd!'*; do
		[ ! -e "$folder" ] || disks="$disks${disks:+, }${folder##*!}"
	done
}

# list_partitions: sets $partitions to the partitions of the target.
list_partitions() {
	local folder
	partitions=
	for folder in "/sys/block/etherd!$target/etherd!$target"p*; do
		[ ! -e "$folder" ] || partitions="$partitions${partitions:+, }${folder##*!}"
	done
}
