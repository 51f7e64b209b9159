#!/bin/sh
# Runs once in a root on a target that QEMU has started: lets aoeinit make the target start by itself.
# What it finds it prints as facts, as report.sh does.
grep -q BOOT_IMAGE= /proc/cmdline && exit
exec >/dev/console 2>&1

say() {
	echo "aoelab-$1=$2"
}

# told KEY COMMAND...: runs a command; what it says, and its exit code, are facts.
told() {
	key=$1
	shift
	{
		"$@" 2>&1 </dev/null
		echo "exit code $?"
	} | while read -r line; do
		say "$key" "$line"
	done
}

aoeinit=/opt/aoeinit/bin/aoeinit
echo '(hd0) /dev/sda' >/boot/grub/device.map
told config "$aoeinit" grub config
told install "$aoeinit" grub install
told again "$aoeinit" grub config --dry-run
if [ ! -e /boot/efi ]; then
	told refused "$aoeinit" grub install --target e12.0 --firmware bios
	told elsewhere "$aoeinit" grub install --target e13.0
fi
# What an update of the package does.
told update env DEBIAN_FRONTEND=noninteractive dpkg-reconfigure "$(cat /etc/aoelab/package)"
[ ! -e /boot/grub/device.map ] || say left device.map
find /boot/efi/ -type f 2>/dev/null | while read -r file; do
	say esp "${file#/boot/efi/} $(sha256sum <"$file")"
done
sync
