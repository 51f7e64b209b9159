# shellcheck shell=bash disable=SC2034 # the lists are for those who source this file
# Sourced by contrib/demo.sh and tests/run.sh: installs what a machine lacks. Both run it on every start, so
# it costs next to nothing where all is there. Expects the current folder to be the top of the repository.

# A package's name on Debian and on Fedora; "-" where the distribution has it in another package of the list.
packages_to_build='
busybox-static   busybox
kmod             kmod
libarchive13     libarchive
python3          python3
python3-venv     -
'
packages_to_boot='
dnsmasq-base     dnsmasq
e2fsprogs        e2fsprogs
fdisk            util-linux
iproute2         iproute
ipxe-qemu        ipxe-roms-qemu
qemu-system-x86  qemu-system-x86-core
qemu-utils       qemu-img
seabios          seabios-bin
vblade           vblade
'
packages_to_measure='
mmdebstrap       mmdebstrap
'
packages_to_test='
aoetools         aoetools
binutils         binutils
bsdextrautils    util-linux
btrfs-progs      btrfs-progs
cpio             cpio
dracut-core      dracut
fish             fish
gcc              gcc
groff-base       groff-base
grub-common      grub2-tools
grub-efi-amd64-bin grub2-efi-x64-modules
grub-pc-bin      grub2-pc-modules
gzip             gzip
libarchive-tools bsdtar
lz4              lz4
mandoc           mandoc
mmdebstrap       mmdebstrap
mtools           mtools
ovmf             edk2-ovmf
shellcheck       ShellCheck
shfmt            shfmt
util-linux       util-linux
xfsprogs         xfsprogs
xz-utils         xz
zsh              zsh
zstd             zstd
'

# What root runs here leaves no files of root's in the repository.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo env PYTHONDONTWRITEBYTECODE=1 "$@"; fi
}

# install_packages LIST...: installs what is missing of the lists above.
install_packages() {
	local missing=() debian fedora
	while read -r debian fedora; do
		[ -n "$debian" ] || continue
		if command -v dpkg-query >/dev/null; then
			dpkg_has "$debian" || missing+=("$debian")
		elif [ "$fedora" != - ]; then
			rpm -q --quiet --whatprovides "$fedora" || missing+=("$fedora")
		fi
	done <<<"$(printf '%s\n' "$@")"
	[ "${#missing[@]}" -eq 0 ] && return
	echo "Installing ${missing[*]}"
	if command -v apt-get >/dev/null; then
		as_root apt-get update -qq
		as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			-o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
	elif command -v dnf >/dev/null; then
		as_root dnf install -y --quiet "${missing[@]}"
	else
		echo "Neither apt-get nor dnf is here: install ${missing[*]} (Debian's names) by hand" >&2
		return 1
	fi
}

# A package is there, or one that provides it (libarchive13 is libarchive13t64 on Debian 13).
dpkg_has() {
	dpkg-query -W -f '${Package} ${Provides} ${db:Status-Status}\n' 2>/dev/null |
		grep -qE "(^| )$1([ ,].*)? installed$"
}

# make_venv EXTRA: makes .venv with the project in it, anew when pyproject.toml has changed; one that was made for
# the tests serves everything.
make_venv() {
	exec 9>.venv.lock
	flock 9
	make_venv_locked "$1"
	exec 9>&-
}

make_venv_locked() {
	local project
	project=$(sha256sum <pyproject.toml)
	case "$(cat .venv/stamp 2>/dev/null)" in
	"$1 $project" | "[test] $project") return ;;
	esac
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
		echo "Python 3.11 or newer is needed; python3 is $(python3 --version)" >&2
		return 1
	}
	echo "Making .venv"
	python3 -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable ".$1"
	printf '%s' "$1 $project" >.venv/stamp
}
