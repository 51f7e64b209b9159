#!/bin/sh
# Runs the script that the machine was given from outside (fw_cfg of QEMU), says on the console how it ended,
# and powers off, or does what the script has left in /run/aoelab-order. Without a script it does nothing.
exec >/dev/console 2>&1
modprobe qemu_fw_cfg
script=/sys/firmware/qemu_fw_cfg/by_name/opt/aoelab/script/raw
[ -e "$script" ] || exit 0
dmesg -n 1
cat "$script" >/run/aoelab-script
bash /run/aoelab-script </dev/null
echo "aoelab-exit=$?"
order=poweroff
[ ! -e /run/aoelab-order ] || read -r order </run/aoelab-order
echo "aoelab-ordered=$order"
systemctl --no-block "$order"
