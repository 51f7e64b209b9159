#!/bin/sh
# What Fedora's plugin of this name is known to do: kernel and boot entry are in /boot before any image is
# made, and an image that is older than the kernel goes.
set -eu
entry=/boot/loader/entries/$KERNEL_INSTALL_MACHINE_ID-$2.conf
if [ -d "$3" ]; then exit 0; fi # another boot loader is active
case $1 in
add)
	cp "$4" "/boot/vmlinuz-$2"
	mkdir -p "${entry%/*}"
	cat >"$entry" <<EOF
title Fedora Linux ($2)
version $2
linux /vmlinuz-$2
initrd /initramfs-$2.img
options $(cat /etc/kernel/cmdline)
grub_users \$grub_users
grub_arg --unrestricted
grub_class fedora
EOF
	;;
remove) rm -f "$entry" "/boot/vmlinuz-$2" ;;
esac
