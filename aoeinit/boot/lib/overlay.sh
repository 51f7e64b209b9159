# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# rd.overlay: a root that many clients share. The target is only read; what this client changes stays in its memory.

overlay=
overlay_size=

# set_overlay SIZE: as mount takes it for a tmpfs: bytes, with k, m or g, or a share of the memory with %.
set_overlay() {
	local number="${1%[kmgKMG%]}"
	overlay=1
	if is_number "$number" 999999999 && [ "$number" -gt 0 ]; then
		overlay_size="$1"
	else
		warn "rd.overlay=$1 is not a size such as 512m or 25%; using the kernel's default, half of the memory"
	fi
}

# load_overlay: the kernel knows overlayfs, if that was asked for.
load_overlay() {
	[ -n "$overlay" ] || return 0
	load_modules overlay
	while read -r _ kind; do
		[ "$kind" != overlay ] || return 0
	done </proc/filesystems
	fail "rd.overlay needs overlayfs, and this kernel has none: it is neither built in nor a module of the image"
}

# mount_overlay: the root is on /run/aoeinit/lower, never written to, and /sysroot shows it with what is changed in
# memory. No journal is replayed: on a device that others use that would change the root under them.
mount_overlay() {
	local layers=/run/aoeinit/overlay
	mkdir -p /run/aoeinit/lower "$layers"
	mount_lower || fail_without_root "$reason"
	mount -t tmpfs -o "mode=0755${overlay_size:+,size=$overlay_size}" tmpfs "$layers" ||
		fail "cannot mount the memory for rd.overlay${overlay_size:+=$overlay_size}"
	mkdir "$layers/upper" "$layers/work"
	reason="$(mount -t overlay -o "lowerdir=/run/aoeinit/lower,upperdir=$layers/upper,workdir=$layers/work" \
		overlay /sysroot 2>&1)" || fail "cannot mount the overlay over $root: ${reason##*failed: }"
	info "$root is only read; changes go to memory (${overlay_size:-half of it at most})"
}

# mount_lower: mounts the root's device so that no journal is replayed; sets $reason where it cannot be done.
mount_lower() {
	local kind types="$rootfstype"
	# norecovery is known to ext4, xfs and btrfs; btrfs of kernels 6.8 and 6.9 knows the other only.
	mount_types /run/aoeinit/lower ro,norecovery && return
	mount_types /run/aoeinit/lower ro,rescue=nologreplay && return
	# Without a journal there is no such option. ext2 refuses a journal that it would have to replay.
	for kind in squashfs erofs ext2; do
		case ",${types:-$kind}," in
		*",$kind,"*) ;;
		*) continue ;;
		esac
		rootfstype="$kind"
		mount_types /run/aoeinit/lower ro && return
	done
	rootfstype="$types"
	return 1
}
