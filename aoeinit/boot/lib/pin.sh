# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The pin of rd.aoe.server= while the system runs: only a filter at the ingress of the interfaces keeps the driver from
# taking a new server as a path. It takes nft, which the root has and the image has not.

# keep_pin: leaves the filter and, where init is systemd, the units that load it.
keep_pin() {
	local units=/run/systemd/system pin_command
	[ -n "$rd_aoe_server" ] || return 0
	[ -z "$first_only" ] || warn "rd.aoe.server= was compared with the first server that answered only: to see all, the\
 kernel needs debugfs (CONFIG_DEBUG_FS)"
	write_filter >/run/aoeinit/pin.nft
	pin_command="/run/aoeinit/busybox sh /run/aoeinit/keep-pin $target \"$pinned\""
	if is_systemd; then
		printf '%s\n' 'not kept: aoeinit-pin.service was not started' >/run/aoeinit/pin
		cd /lib/aoeinit || return 0
		cp keep-pin messages.sh names.sh server.sh /run/aoeinit || problem "cannot keep what loads the pin in /run"
		cd /
		mkdir -p "$units/nftables.service.d"
		write_pin_unit >"$units/aoeinit-pin.service"
		write_pin_wish >"$units/sysinit.target.d/10-aoeinit-pin.conf"
		write_pin_again >"$units/nftables.service.d/10-aoeinit-pin.conf"
	else
		printf '%s\n' 'not kept: init is not systemd; nft -f /run/aoeinit/pin.nft keeps it' >/run/aoeinit/pin
		warn "rd.aoe.server= is not kept while the system runs: init is not systemd; nft -f /run/aoeinit/pin.nft keeps it"
	fi
}

# write_filter: prints the rules for nft that drop what others than the pinned servers say as the target. Shelf and
# slot are at bytes 2 and 4 behind the Ethernet header (AoEr11, section 2). Loading them again replaces them.
write_filter() {
	local index device shelf="${target%.*}"
	printf '%s\n' 'add table netdev aoeinit' 'delete table netdev aoeinit' 'table netdev aoeinit {'
	for index in $interfaces $unusable; do
		find_interface "$index" || continue
		name_vlan "$index"
		device="${vlan_name:-"$interface"}"
		[ -e "/sys/class/net/$device" ] || continue
		case ",$aoe_names," in
		*",$device,"*) ;;
		*) continue ;;
		esac
		printf '\t%s\n' "chain interface$index {" \
			"	type filter hook ingress device \"$device\" priority -500; policy accept;" \
			"	ether type 0x88a2 @nh,16,16 ${shelf#e} @nh,32,8 ${target#*.} ether saddr != { $pinned } counter drop" '}'
	done
	printf '}\n'
}

# write_pin_unit: prints the unit that loads the filter, as early as systemd can: it needs nothing but the root.
write_pin_unit() {
	printf '%s\n' '[Unit]' 'Description=Filter for the servers of the AoE root' 'DefaultDependencies=no' \
		'Before=sysinit.target' 'IgnoreOnIsolate=yes' \
		'[Service]' 'Type=oneshot' 'RemainAfterExit=yes' "ExecStart=$pin_command"
}

# write_pin_wish: prints the drop-in that starts that unit.
write_pin_wish() {
	printf '%s\n' '[Unit]' 'Wants=aoeinit-pin.service'
}

# write_pin_again: prints the drop-in that loads the filter again where the system's own rules begin by flushing all.
write_pin_again() {
	printf '%s\n' '[Service]' "ExecStartPost=-$pin_command" "ExecReload=-$pin_command" "ExecStopPost=-$pin_command"
}
