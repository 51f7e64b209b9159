# shellcheck shell=bash
# container.sh SYSTEM FOLDER DISABLED [PLACE=REAL...]: becomes systemd, in namespaces that were made for it, with
# the files of SYSTEM, of which nothing is changed, without the services DISABLED.
set -eu
system=$1 folder=$2 disabled=$3
shift 3

memory=$folder/memory
root=$memory/root
mkdir "$memory"
mount -t tmpfs memory "$memory"
mkdir "$root" "$memory/upper" "$memory/work"
mount -t overlay overlay -o "lowerdir=$system,upperdir=$memory/upper,workdir=$memory/work" "$root"
mount -t proc proc "$root/proc"
# systemd takes a /sys that it cannot write to for that of a container, and does without udev.
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 memory "$root/run"
mount -t tmpfs -o mode=755 memory "$root/dev"
for name in null zero full random urandom tty; do
	: >"$root/dev/$name"
	mount --bind "/dev/$name" "$root/dev/$name"
done
: >"$root/dev/console"
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/pts" "$root/dev/shm"
for each; do
	mkdir -p "$root/${each%%=*}"
	mount --bind "${each#*=}" "$root/${each%%=*}"
done
for name in $disabled; do
	ln -sf /dev/null "$root/etc/systemd/system/$name"
done
: >"$root/etc/machine-id"
mkdir "$root/outside"
cd "$root"
pivot_root . outside
umount -l /outside
exec env -i container=aoelab PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
