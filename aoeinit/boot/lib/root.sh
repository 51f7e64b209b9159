# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The new root: mounted, its init found, and control handed over.

# The folder that the root's device is mounted on.
root_folder=/sysroot

# mount_root: the root is on /sysroot: with rd.overlay through an overlay, else read-only unless rw was given.
mount_root() {
	local reason=
	if [ -n "$overlay" ]; then
		root_folder=/run/aoeinit/lower
		mount_overlay
	else
		mount_types /sysroot "$root_access" || fail_without_root "$reason"
	fi
}

# mount_types FOLDER OPTIONS: mounts the root's device by the first type of rootfstype= that fits; sets $reason
# where none does.
mount_types() {
	local types="$rootfstype," type
	while [ -n "$types" ]; do
		type="${types%%,*}" types="${types#*,}"
		if reason="$(mount ${type:+-t "$type"} -o "$2${rootflags:+,$rootflags}" "$root" "$1" 2>&1)"; then
			return 0
		fi
	done
	return 1
}

# fail_without_root REASON: says what was tried, and which file systems the kernel knows.
fail_without_root() {
	local kind type known=
	while read -r kind type; do
		[ -n "$type" ] || known="$known${known:+, }$kind"
	done </proc/filesystems
	fail "cannot mount $root (type ${rootfstype:-any}, options $root_access${rootflags:+,$rootflags}): ${1##*failed: }; \
the kernel has the file systems ${known:-none}"
}

# find_init: sets $new_init to the program that is to be process 1.
find_init() {
	if look_for_init; then
		detail "init is $new_init ($resolved)"
	elif [ -n "$init" ]; then
		fail "init=$init: no such program on $root"
	else
		fail "no init on $root: looked for /sbin/init, /etc/init, /bin/init and /usr/lib/systemd/systemd; try init="
	fi
}

# look_for_init: sets $new_init to the first program in /sysroot that can be its init; init= alone, if it is given.
look_for_init() {
	local path
	for path in ${init:+"$init"} /sbin/init /etc/init /bin/init /usr/lib/systemd/systemd; do
		if resolve_in_root "$path" && [ -f "/sysroot$resolved" ] && [ -x "/sysroot$resolved" ]; then
			new_init="$path"
			return 0
		fi
		[ -z "$init" ] || return 1
	done
	return 1
}

# resolve_in_root PATH: sets $resolved to PATH with all links followed as they will be once /sysroot is the root;
# false after 40 links, like the kernel.
resolve_in_root() {
	local rest="$1" part link links=0
	resolved=
	while [ -n "$rest" ]; do
		part="${rest%%/*}" rest="${rest#"${rest%%/*}"}" rest="${rest#/}"
		case "$part" in
		'' | .) ;;
		..) resolved="${resolved%/*}" ;;
		*) follow_in_root || return 1 ;;
		esac
	done
}

# follow_in_root: one step of resolve_in_root: appends $part to $resolved, or puts its link in front of $rest.
follow_in_root() {
	if [ ! -L "/sysroot$resolved/$part" ]; then
		resolved="$resolved/$part"
		return 0
	fi
	links="$((links + 1))"
	[ "$links" -le 40 ] || return 1
	link="$(readlink "/sysroot$resolved/$part")"
	rest="$link/$rest"
	case "$link" in
	/*) resolved= ;;
	*) ;;
	esac
}

# write_state: leaves what this boot used for the running system.
write_state() {
	local serving='' mac='' mtu='' server='' line
	read -r serving <"/sys/block/etherd!$target/netif"
	read -r mac <"/sys/class/net/${serving%%,*}/address"
	read -r mtu <"/sys/class/net/${serving%%,*}/mtu"
	list_servers
	read -r server <"/sys/block/etherd!$target/mac"
	colon_mac "$server"
	find_root_type
	{
		printf '%s\n' "target=$target" "device=/dev/etherd/$target"
		printf '%s\n' "interface=$serving" "mac=$mac" "mtu=$mtu"
		printf '%s\n' "server=$colon_mac" "paths=$servers"
		printf '%s\n' "root=$root" "filesystem=$root_type"
		[ -z "$overlay" ] || printf '%s\n' "overlay=${overlay_size:-50%}"
		while IFS= read -r line; do
			[ -z "$line" ] || printf '%s\n' "parameter=$line"
		done <<-END
			$given
		END
	} >/run/aoeinit/state
}

# find_root_type: sets $root_type to the type of the file system that the root was mounted as.
find_root_type() {
	local folder type
	root_type=
	while read -r _ folder type _; do
		[ "$folder" != "$root_folder" ] || root_type="$type"
	done </proc/mounts
}

# hand_over ARGUMENT...: the new root's init becomes process 1, with the kernel's ARGUMENTs and environment.
hand_over() {
	info "starting $new_init from $root"
	close_messages
	stop_events
	move_mounts
	unset PATH PWD OLDPWD SHLVL
	exec /bin/switch_root -c /dev/console /sysroot "$new_init" "$@"
}
