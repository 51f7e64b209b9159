# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The aBFT: a table of 46 bytes in which network boot firmware (iPXE) leaves the target that it booted from, and the
# MAC of the card that it used. An ACPI header, then: shelf at 36 (two bytes, the low one first), slot at 38, MAC at 40.

abft_target=
abft_mac=

# find_abft: sets $abft_target and $abft_mac where there is such a table. With EFI it is among the ACPI tables; other
# firmware leaves it in the first 640 KiB of memory, where it is passed over if the kernel hides that (lockdown).
find_abft() {
	local table=/sys/firmware/acpi/tables/aBFT memory line offset text
	if [ -e "$table" ]; then
		read_abft "$table" 0
		return
	fi
	[ ! -e /sys/firmware/efi ] || return 0
	memory="$(dd if=/dev/mem bs=64k count=10 2>/dev/null | strings -t d)"
	while IFS= read -r line; do
		line="${line#"${line%%[! ]*}"}"
		offset="${line%% *}" text="${line#* }"
		[ "$text" != "${text%aBFT*}" ] || continue
		text="${text%%aBFT*}"
		offset="$((offset + ${#text}))"
		[ "$((offset % 16))" -ne 0 ] || ! read_abft /dev/mem "$offset" || return 0
	done <<-END
		$memory
	END
}

# read_abft FILE OFFSET: sets $abft_target and $abft_mac from the table at OFFSET; false if it is none, or damaged.
read_abft() {
	local bytes byte number=0 sum=0 shelf=0 slot=0
	bytes="$(hexdump -v -s "$2" -n 46 -e '1/1 "%u "' "$1" 2>/dev/null)"
	[ "$bytes" != "${bytes#97 66 70 84 46 0 0 0 }" ] || return 1 # aBFT, and its length
	for byte in $bytes; do
		sum="$((sum + byte))"
		case "$number" in
		36) shelf="$byte" ;;
		37) shelf="$((shelf + 256 * byte))" ;;
		38) slot="$byte" ;;
		*) ;;
		esac
		number="$((number + 1))"
	done
	[ "$number" -eq 46 ] && [ "$((sum % 256))" -eq 0 ] && is_target "e$shelf.$slot" || return 1
	abft_target="e$shelf.$slot"
	abft_mac="$(hexdump -v -s "$(($2 + 40))" -n 6 -e '1/1 ":%02x"' "$1")"
	abft_mac="${abft_mac#:}"
}
