# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The kernel's own file systems: mounted first, moved into the new root last.

# mount_kernel_filesystems: /dev, /proc, /sys and /run, and a console to speak to.
mount_kernel_filesystems() {
	mkdir -p /dev /proc /sys /run /sysroot
	# What waits are to block on until start_events has the kernel's reports.
	mkfifo /silence && exec 3<>/silence && rm /silence
	has_devtmpfs=1
	mount -t devtmpfs -o mode=0755,nosuid devtmpfs /dev || make_basic_nodes
	mount -t proc -o nosuid,nodev,noexec proc /proc || fail "cannot mount /proc: the kernel needs CONFIG_PROC_FS"
	mount -t sysfs -o nosuid,nodev,noexec sysfs /sys || fail "cannot mount /sys: the kernel needs CONFIG_SYSFS"
	mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run || fail "cannot mount /run: the kernel needs CONFIG_TMPFS"
	mkdir -p /run/aoeinit
	# Fails where the kernel has no console at all; what is said goes to its log then.
	if true 2>/dev/null <>/dev/console; then
		exec </dev/console >/dev/console 2>&1
	fi
}

# make_basic_nodes: what the agent itself needs in /dev on a kernel without devtmpfs.
make_basic_nodes() {
	has_devtmpfs=
	mknod -m 600 /dev/console c 5 1
	mknod -m 666 /dev/null c 1 3
	mknod -m 600 /dev/kmsg c 1 11
	mkdir -p /dev/etherd
} 2>/dev/null

# make_node NODE TYPE NUMBERS: makes NODE (TYPE b or c) from the file of its device NUMBERS in sysfs, on a kernel
# without devtmpfs.
make_node() {
	local numbers
	[ -z "$has_devtmpfs" ] && [ ! -e "$1" ] && [ -r "$3" ] || return 0
	read -r numbers <"$3"
	mknod "$1" "$2" "${numbers%:*}" "${numbers#*:}"
}

# move_mounts: takes the kernel's file systems along into the new root.
move_mounts() {
	local folder
	for folder in /dev /proc /sys /run; do
		if [ -d "/sysroot$folder" ]; then
			mount -o move "$folder" "/sysroot$folder" || problem "cannot move $folder into the new root"
		else
			umount -l "$folder"
		fi
	done
}
