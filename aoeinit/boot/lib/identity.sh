# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# What a partition is called: read from superblock and partition table, so that only the target's own are asked. In
# hexdump's formats, numbers of 2 and 4 bytes are little-endian, as on all machines that boot from AoE.

as_bytes='4/1 "%02x" "-" 2/1 "%02x" "-" 2/1 "%02x" "-" 2/1 "%02x" "-" 6/1 "%02x"'
as_numbers='1/4 "%08x" "-" 1/2 "%04x" "-" 1/2 "%04x" "-" 2/1 "%02x" "-" 6/1 "%02x"'

# peek DEVICE OFFSET LENGTH FORMAT: sets $peeked to what hexdump makes of bytes of DEVICE; NULs are left out.
peek() {
	peeked="$(hexdump -v -s "$2" -n "$3" -e "$4" "$1" 2>/dev/null)"
}

# holds DEVICE OFFSET LENGTH DIGITS: DEVICE has the bytes DIGITS at OFFSET.
holds() {
	peek "$1" "$2" "$3" '1/1 "%02x"'
	[ "$peeked" = "$4" ]
}

# read_superblock DEVICE: sets $kind (ext, xfs, btrfs), $uuid and $label of a file system; false for all others.
read_superblock() {
	local at name size
	kind='' uuid='' label=''
	if holds "$1" 1080 2 53ef; then
		kind=ext at=1128 name=1144 size=16
	elif holds "$1" 0 4 58465342; then
		kind=xfs at=32 name=108 size=12
	elif holds "$1" 65600 8 5f42485266535f4d; then
		kind=btrfs at=65568 name=65835 size=256
	else
		return 1
	fi
	peek "$1" "$at" 16 "$as_bytes"
	uuid="$peeked"
	peek "$1" "$name" "$size" '1/1 "%c"'
	label="$peeked"
}

# read_partition_uuid NAME: sets $partition_uuid as the kernel makes it: of a GPT's entry, or of an msdos disk's
# signature and the partition's number. False for a whole disk.
read_partition_uuid() {
	local disk="/dev/etherd/${1%%p*}" number="${1##*p}" table size
	[ "$1" != "${1%%p*}" ] || return 1
	if holds "$disk" 512 8 4546492050415254 && has_protective_entry "$disk"; then
		peek "$disk" 584 4 '1/4 "%u"'
		table="$peeked"
		peek "$disk" 596 4 '1/4 "%u"'
		size="$peeked"
		peek "$disk" "$((table * 512 + (number - 1) * size + 16))" 16 "$as_numbers"
	else
		peek "$disk" 440 4 '1/4 "%08x"'
		peeked="${peeked:+$peeked-$(printf %02x "$number")}"
	fi
	partition_uuid="$peeked"
	[ -n "$partition_uuid" ]
}

# has_protective_entry DISK: one of the four partitions in the MBR stands for a GPT.
has_protective_entry() {
	local at
	for at in 450 466 482 498; do
		! holds "$1" "$at" 1 ee || return 0
	done
	return 1
}

# read_partition_label NAME: sets $partition_label to the name of a GPT partition, as the kernel reads it.
read_partition_label() {
	local line
	partition_label=
	while IFS= read -r line; do
		[ "$line" = "${line#PARTNAME=}" ] || partition_label="${line#PARTNAME=}"
	done <"/sys/class/block/etherd!$1/uevent"
	[ -n "$partition_label" ]
} 2>/dev/null
