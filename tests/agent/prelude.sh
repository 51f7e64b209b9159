# shellcheck shell=dash disable=SC3043
# The made-up kernel of the agent's tests: in the place of the applets that change a machine, functions that
# change its folder. Sourced before the agent; see machine.py.

# note WORD...: one line in the log, the words in brackets where that matters.
note() {
	printf '%s\n' "$*" >>/log
}

# happen EVENT ARGUMENT...: what the test wants to happen now; false if it planned nothing.
happen() {
	local event="$1"
	shift
	# shellcheck source=/dev/null # written by the test
	[ -e "/machine/$event" ] && . "/machine/$event"
}

# refuse TEXT: what an applet prints when the kernel refuses.
refuse() {
	echo "$1" >&2
	return 1
}

mount() {
	local folder
	note mount "$@"
	for folder; do :; done
	[ ! -e "/machine/mount ${folder##*/}" ] || happen "mount ${folder##*/}" "$@" || return 1
	[ "$folder" != /sysroot ] || echo "/dev/etherd/e11.0p1 /sysroot ext4 ro 0 0" >>/proc/mounts
}

umount() {
	note umount "$@"
}

mknod() {
	note mknod "$@"
	[ ! -e /machine/mknod ] || happen mknod "$@"
}

insmod() {
	note insmod "$@"
	if [ -e "/machine/insmod ${1##*/}" ]; then
		happen "insmod ${1##*/}"
	else
		refuse "insmod: can't insert '$1': No such device"
	fi
}

modprobe() {
	note modprobe "$@"
	happen modprobe
}

# ip link add link PARENT name NAME type vlan id NUMBER
add_link() {
	[ ! -e "/machine/ip add" ] || happen "ip add" || return 1
	mkdir "/sys/class/net/$6"
	cp "/sys/class/net/$4/address" "/sys/class/net/$4/link" "/sys/class/net/$6"
	echo "90$4" >"/sys/class/net/$6/ifindex"
}

# The driver shows its interfaces under the names that they have.
rename_in_driver() {
	local file shown
	for file in '/sys/block/etherd!'*/netif; do
		[ -e "$file" ] || continue
		shown=",$(cat "$file"),"
		case "$shown" in
		*",$1,"*) ;;
		*) continue ;;
		esac
		shown="${shown%%",$1,"*},$2,${shown#*",$1,"}"
		shown="${shown#,}"
		echo "${shown%,}" >"$file"
	done
}

# ip link set dev NAME up | down | name NEW | mtu BYTES; ip link delete dev NAME
ip() {
	note ip "$@"
	[ "$2" != add ] || {
		add_link "$@"
		return
	}
	[ "$2" != delete ] || {
		rm -r "/sys/class/net/$4"
		return
	}
	[ ! -e "/machine/ip $5" ] || happen "ip $5" "$4" || return 1
	[ -d "/sys/class/net/$4" ] || refuse "ip: can't find device '$4'" || return 1
	case "$5" in
	up) cp "/sys/class/net/$4/link" "/sys/class/net/$4/carrier" ;;
	down) rm "/sys/class/net/$4/carrier" ;;
	mtu) echo "$6" >"/sys/class/net/$4/mtu" ;;
	name)
		[ ! -e "/sys/class/net/$6" ] || refuse "ip: SIOCSIFNAME: File exists" || return 1
		mv "/sys/class/net/$4" "/sys/class/net/$6"
		rename_in_driver "$4" "$6"
		;;
	*) refuse "ip: unknown" ;;
	esac
}

# What the kernel reports: a line for each that a test puts into the pipe; silence otherwise.
uevent() {
	note uevent "$@"
	[ -p /machine/uevents ] || mkfifo /machine/uevents
	exec 4<>/machine/uevents
	while read -r _ <&4; do
		"$@"
	done
}

# The AoE driver, loaded: its parameters, its control file.
aoe_loads() {
	mkdir -p /sys/module/aoe/parameters /dev/etherd
	echo 180 >/sys/module/aoe/parameters/aoe_deadsecs
	: >/sys/module/aoe/parameters/aoe_iflist
	: >/dev/etherd/discover
}

# target_answers TARGET INTERFACE[,INTERFACE] PARTITION...: a disk turns up.
target_answers() {
	local disk="/sys/block/etherd!$1" target="$1"
	mkdir -p "$disk" /dev/etherd
	echo 525400aabbcc >"$disk/mac"
	echo "$2" >"$disk/netif"
	: >"/dev/etherd/$target"
	shift 2
	for partition; do
		mkdir "$disk/etherd!$target$partition"
		: >"/dev/etherd/$target$partition"
	done
}

# record_switch_root ARGUMENT...: notes what is handed over: arguments, environment, open files.
record_switch_root() {
	local word number
	for word; do
		note "switch_root [$word]"
	done
	busybox env | while read -r word; do
		note "environment [$word]"
	done
	for number in 3 4 5 6 7 8 9; do
		if true 2>/dev/null <&"$number"; then
			note "open file $number"
		fi
	done
}

# record_reboot ARGUMENT...: the machine restarts: all its processes end.
record_reboot() {
	note reboot "$@"
	kill -9 0
}

# record_poweroff ARGUMENT...: the machine goes off.
record_poweroff() {
	note poweroff "$@"
	kill -9 0
}

dmesg() {
	happen dmesg
}

setsid() {
	note setsid "$@"
	happen setsid
}
