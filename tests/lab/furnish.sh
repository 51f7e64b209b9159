#!/bin/sh
# Runs inside a system that is being installed: users, and files of every kind that a copy can damage.
set -eu
umask 022

useradd --create-home --shell /bin/sh --uid 1000 ada
useradd --create-home --shell /bin/sh --uid 70000 grace
groupadd --gid 3000 crew

cd /home/ada
echo 'first content' >one-name
ln one-name other-name
mkdir -p 'a folder'
ln one-name 'a folder/third name'
ln -s one-name link
ln -s "/nowhere/$(printf '%0100d' 0)" 'long link'
ln -s . circle
mkfifo pipe
mkdir -m 2775 shared
mkdir -m 1777 sticky
echo x >"$(printf 'odd\nname\twith \\ and *')"
echo x >' leading and trailing '
echo x >"$(printf 'bytes-\377\376')"
echo x >-rf
: >empty
echo nobody >strangers
echo old >old
chown -Rh ada:crew .
chown 123456:654321 strangers
touch -d '1999-12-31 23:59:59 UTC' old
touch -hd '2001-01-01 00:00:00 UTC' link
chmod 0 strangers

echo read-by-grace >lists
setfacl -m u:grace:r,g:crew:rw,m::rwx lists
setfacl -m d:u:grace:rwx shared
setfattr -n user.colour -v green one-name
setfattr -n user.long -v "$(printf '%0300d' 7)" empty
setfattr -n trusted.overlay.kind -v secret shared

truncate -s 64M sparse
printf 'in the middle' | dd of=sparse bs=1 seek=33554432 conv=notrunc status=none
printf 'at the end' | dd of=sparse bs=1 seek=67108000 conv=notrunc status=none

cp /bin/true /usr/local/bin/raw-socket
setcap cap_net_raw,cap_net_admin+ep /usr/local/bin/raw-socket
cp /bin/true /usr/local/bin/as-root
chmod 4755 /usr/local/bin/as-root
mknod -m 640 /var/local/null c 1 3
mkdir -p /srv/deep/er/and/deeper
dd if=/dev/urandom of=/srv/deep/er/and/deeper/noise bs=1M count=8 status=none
for number in $(seq 300); do
	echo "$number" >"/srv/deep/many-$number"
done
