# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The root's device on the target: what root= means, and which partition, or whole disk, that is.

root_target=
root_by=name
partition=
wanted_root=
wanted=
looked_at=
verdicts=

# choose_root: reads root=. Sets $root_by to how the root's device is found: by its name (then $root_target and
# $partition are set, p2 or empty for the whole disk), a tag such as UUID (then $wanted is set), or its init.
choose_root() {
	local name="${root#/dev/etherd/}"
	name="${name#aoe:}"
	wanted_root="$root" wanted="${root#*=}"
	case "$root" in
	'') root_by=init ;;
	UUID=?* | LABEL=?* | PARTUUID=?* | PARTLABEL=?*) root_by="${root%%=*}" ;;
	"/dev/etherd/$name" | "aoe:$name") root_target="${name%%p*}" partition="${name#"${name%%p*}"}" ;;
	*) fail_with_root ;;
	esac
	if [ "$root_by" = name ]; then
		{ is_target "$root_target" && is_partition "$partition"; } || fail_with_root
	fi
	root=
}

# fail_with_root: root= cannot be understood.
fail_with_root() {
	fail "root=$root is not supported: it takes a target's disk or partition, as in root=/dev/etherd/e11.0p1 or\
 root=aoe:e11.0, or UUID=, LABEL=, PARTUUID= or PARTLABEL=; without root= the partition with an init is looked for"
}

# is_partition TEXT: TEXT is the end of a partition's name, p<number>, or empty.
is_partition() {
	[ -z "$1" ] || { [ "$1" != "${1#p}" ] && [ "$1" != p0 ] && is_number "${1#p}" 255; }
}

# await_root_device: the root's device is there.
await_root_device() {
	wait_for explain_missing find_root_device || fail "$failure"
	info "root device $root is there${wanted_root:+, for root=$wanted_root}"
}

# find_root_device: true if the root's device is there; asks for the target again when that is due.
find_root_device() {
	if find_target && find_partition; then
		return 0
	fi
	find_interfaces
	probe
	return 1
}

# find_partition: sets $root to the device on the target that root= means; false if there is none yet.
find_partition() {
	local device="/dev/etherd/$target$partition"
	if [ "$root_by" != name ]; then
		has_new_partitions && watched "reading the partitions of target $target" search_partitions
		return
	fi
	make_node "$device" b "/sys/class/block/etherd!$target$partition/dev"
	[ -e "$device" ] && root="$device"
}

# has_new_partitions: there are other partitions than those that were looked through; without any, the disk is one.
has_new_partitions() {
	make_node "/dev/etherd/$target" b "/sys/block/etherd!$target/dev"
	list_partitions
	[ -e "/dev/etherd/$target" ] && [ "${partitions:-$target}" != "$looked_at" ]
}

# search_partitions: looks through all partitions.
search_partitions() {
	local name found=
	# Opening the disk waits until the kernel has read its partition table.
	: <"/dev/etherd/$target" || return 1
	list_partitions
	looked_at="${partitions:-$target}" verdicts=
	for name in $looked_at; do
		make_node "/dev/etherd/$name" b "/sys/class/block/etherd!$name/dev"
		! is_wanted "$name" || found="$found${found:+ }$name"
		verdicts="$verdicts${verdicts:+, }$name ($verdict)"
	done
	[ -n "$found" ] || return 1
	[ "$found" = "${found% *}" ] || choose_among "$found"
	root="/dev/etherd/${found%% *}"
} 2>/dev/null

# choose_among NAMES: more than one partition could be the root: the first has it if root= names them, else nobody.
choose_among() {
	[ "$root_by" != init ] || fail "several partitions hold an init: $verdicts; name one, as in root=/dev/etherd/${1%% *}"
	problem "root=$wanted_root is true for several partitions: $1; using ${1%% *}"
}

# is_wanted NAME: the disk or partition NAME is what root= means; sets $verdict to what it is.
is_wanted() {
	local device="/dev/etherd/$1" identity=
	if [ "$root_by" = init ]; then
		has_init "$device"
		return
	fi
	case "$root_by" in
	UUID) read_superblock "$device" && identity="$uuid" ;;
	LABEL) read_superblock "$device" && identity="$label" ;;
	PARTUUID) read_partition_uuid "$1" && identity="$partition_uuid" ;;
	*) read_partition_label "$1" && identity="$partition_label" ;;
	esac
	verdict="${identity:+$root_by=$identity}"
	verdict="${verdict:-no $root_by}"
	[ -n "$identity" ] || return 1
	case "$root_by" in
	*LABEL) [ "$identity" = "$wanted" ] ;;
	*) same_digits "$identity" "$wanted" ;;
	esac
}

# has_init DEVICE: DEVICE holds a program that can be the new root's init; looked for without replaying a journal.
has_init() {
	local root="$1" gentle='' reason=''
	check_servers
	read_superblock "$1"
	case "$kind" in
	ext) gentle=,noload ;;
	xfs) gentle=,norecovery ;;
	btrfs) gentle=,rescue=nologreplay ;;
	*) ;;
	esac
	verdict="cannot be mounted"
	mount_types /sysroot "ro$gentle" || return 1
	verdict="no init"
	! look_for_init || verdict="init $new_init"
	umount /sysroot
	[ "$verdict" != "no init" ]
}

# same_digits ONE OTHER: true if they differ in capitals only.
same_digits() {
	local one
	lower_case "$1"
	one="$lower_case"
	lower_case "$2"
	[ "$one" = "$lower_case" ]
}

# list_partitions: sets $partitions to the partitions of the target.
list_partitions() {
	local folder
	partitions=
	for folder in "/sys/block/etherd!$target/etherd!$target"p*; do
		[ ! -e "$folder" ] || partitions="$partitions${partitions:+ }${folder##*!}"
	done
}

# explain_missing_partition: the part of explain_missing that is about a target that answered.
explain_missing_partition() {
	list_partitions
	case "$root_by" in
	name)
		awaited="the disk of target $target"
		failure="target $target answered, but has no /dev/etherd/$target"
		[ -n "$partition" ] || return 0
		awaited="partition ${partition#p} of target $target"
		failure="target $target has no partition ${partition#p}, it has ${partitions:-none}"
		;;
	init)
		awaited="a partition with an init on target $target"
		failure="no partition of target $target holds an init: ${verdicts:-none can be read}"
		;;
	*)
		awaited="$wanted_root on target $target"
		failure="nothing on target $target is $wanted_root: it has ${verdicts:-none that can be read}"
		;;
	esac
}
