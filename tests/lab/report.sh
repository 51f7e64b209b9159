#!/bin/sh
# Runs in the booted root and prints on the console who and where it is: one line "aoelab-KEY=VALUE" a fact.
dmesg -n 1
exec >/dev/console 2>&1

say() {
	echo "aoelab-$1=$2"
}

# lines KEY FILE: each line of a file as a fact.
lines() {
	while read -r line; do
		say "$1" "$line"
	done <"$2"
}

say token "$(cat /etc/aoelab/token)"
say release "$(uname -r)"
read -r uptime _ </proc/uptime
say uptime "$uptime"
while read -r device folder kind options _; do
	[ "$folder" = / ] && say root "$device $kind $options"
done </proc/mounts
for disk in /sys/block/etherd*; do
	say disk "${disk##*!} $(cat "$disk/netif") $(cat "$disk/mac")"
	say payload "${disk##*!} $(cat "$disk/payload")"
done
for interface in /sys/class/net/*; do
	# An interface that is down does not tell of its carrier.
	say interface "${interface##*/} $(cat "$interface/address") $(cat "$interface/carrier" 2>/dev/null)"
	# Who named it: 4 is userspace, by a rename; unknown for some.
	say naming "${interface##*/} $(cat "$interface/name_assign_type" 2>/dev/null)"
done
lines parameters /proc/cmdline
[ -e /run/aoeinit/state ] && lines state /run/aoeinit/state
[ -e /run/aoeinit/timeline ] && lines timeline /run/aoeinit/timeline
if [ -d /run/systemd/system ]; then
	say system "multi-user.target $(systemctl is-active multi-user.target)"
	systemctl list-units --failed --plain --no-legend | while read -r unit _; do
		say failed "$unit"
	done
fi
say end ok
