# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# The target: chosen, asked for with growing pauses, and told about when it is not there.

abft_decides=
aoe_names=
target=
targets=
target_source=
settled=

# choose_targets: sets $targets to those to boot from, in order of preference, and says whose word that is; empty is
# any, if there is just one.
choose_targets() {
	[ -n "$root_target$rd_aoe" ] || find_abft
	if [ -n "$root_target" ]; then
		targets="$root_target" target_source="root=$wanted_root"
	elif [ -n "$rd_aoe" ]; then
		targets="$rd_aoe" target_source="rd.aoe="
	elif [ -n "$abft_target" ]; then
		targets="$abft_target" target_source="the firmware's aBFT"
		[ -n "$rd_aoe_nic" ] || rd_aoe_nic="$abft_mac" abft_decides=1
	elif [ -n "$image_target" ]; then
		targets="$image_target" target_source="the image"
	fi
	name_targets
	if [ -n "$targets" ]; then
		info "target $target_names, as $target_source says${abft_mac:+, for interface $abft_mac}"
	else
		info "no parameter, firmware or image names a target: any will do if there is just one"
	fi
	tell_conflicts
}

# name_targets: sets $target_names to the targets for people.
name_targets() {
	local each
	target_names=
	for each in $targets; do
		target_names="$target_names${target_names:+ or }$each"
	done
}

# tell_conflicts: says where somebody else names another target.
tell_conflicts() {
	case " ${rd_aoe:-$targets} " in
	*" $targets "* | *" ${root_target:-$rd_aoe} "*) ;;
	*) problem "rd.aoe=$rd_aoe and root=$wanted_root name different targets; root= decides" ;;
	esac
	case " $targets " in
	'  ' | *" ${image_target:-${targets%% *}} "*) ;;
	*) info "the image was built for $image_target" ;;
	esac
}

# compare_abft: says if the firmware booted from another target than the parameters name. Looked up late, where the
# carrier has to be waited for anyway.
compare_abft() {
	[ -n "$root_target$rd_aoe" ] || return 0
	find_abft
	case " $targets " in
	*" ${abft_target:-${targets%% *}} "*) ;;
	*) problem "the firmware's aBFT names $abft_target and $target_source $target_names; the parameter decides" ;;
	esac
}

# load_aoe: the driver is there and asks through the candidates only, also while it loads. It never gives up on a server
# that is away, as a root file system could not survive that: it counts how long a frame has waited in 32 bits of
# microseconds, so never more than 4294 s. 0 means never, too, but also never to leave a dead path for another
# (docs/design.md).
load_aoe() {
	# A copy: the state tells of options that the command line has, and this one is the agent's.
	local module_options="$module_options"
	keep_module_option aoe.aoe_iflist= "${aoe_names:-/}"
	[ -d /sys/module/aoe ] || load_modules aoe || fail "the aoe driver did not load, and without it there is no root:\
 build the image for this kernel, with aoeinit build --kernel"
	show_aoe_names
	printf 2147483647 >/sys/module/aoe/parameters/aoe_deadsecs ||
		problem "cannot set aoe_deadsecs: the root dies when its server is away for 180 s; try aoe.aoe_deadsecs=2147483647"
	probe_due=0 probe_pause=5
}

# add_aoe_name NAME: the driver is to use the interface NAME too.
add_aoe_name() {
	case ",$aoe_names," in
	*",$1,"*) return ;;
	*) aoe_names="$aoe_names${aoe_names:+,}$1" ;;
	esac
	show_aoe_names
}

# show_aoe_names: tells the driver, once it is there, which interfaces are its own. No name would mean all of them, and
# no interface can be called /.
show_aoe_names() {
	[ ! -d /sys/module/aoe ] || printf '%s' "${aoe_names:-/}" >/sys/module/aoe/parameters/aoe_iflist ||
		problem "cannot set aoe_iflist"
}

# find_target: true once it is certain which target to boot from, and $target is set. One that is not the first choice
# has a second for better ones to answer.
find_target() {
	local each
	[ -z "$target" ] || return 0
	list_disks
	[ -n "$disks" ] || return 1
	[ -n "$targets" ] || [ "$disks" = "${disks%, *}" ] ||
		fail "several targets answered ($disks), and nothing says which one to boot from: name it, as in rd.aoe=e11.0"
	for each in ${targets:-"$disks"}; do
		[ -e "/sys/block/etherd!$each" ] || continue
		[ "$each" = "${targets%% *}" ] || is_settled || return 1
		target="$each"
		info "target $target answered"
		check_servers
		try_frames
		return
	done
	return 1
}

# is_settled: true one second after it was first asked, or when there is no time left for that.
is_settled() {
	read_clock
	settled="${settled:-$((now + 100))}"
	[ "$now" -ge "$settled" ] || [ "$now" -ge "${deadline:-$settled}" ]
}

# probe: lets the driver ask all targets to answer, after pauses that grow from 50 ms to 1 s.
probe() {
	read_clock
	[ "$now" -ge "$probe_due" ] || return 0
	make_node /dev/etherd/discover c /sys/class/aoe/discover/dev
	[ ! -w /dev/etherd/discover ] || echo >/dev/etherd/discover
	probe_due="$((now + probe_pause))"
	probe_pause="$((probe_pause * 2))"
	[ "$probe_pause" -lt 100 ] || probe_pause=100
}

# explain_missing: sets $awaited to what is missing between here and the root's device, and $failure to what that
# means when the time is over.
explain_missing() {
	local masked="a server that does not admit this MAC address looks the same"
	describe_interfaces
	described="${vlan:+VLAN $vlan of }${described:-any interface}"
	list_disks
	tell_driverless_hardware
	if ! is_linked; then
		awaited="carrier on $described"
		failure="no carrier on $described within $timeout s: check cable, switch port and driver$without_driver"
	elif [ -z "$disks" ]; then
		awaited="any AoE target to answer on $described"
		failure="no AoE target answered on $described within $timeout s, and\
 ${target_names:-any} was waited for; $masked$without_driver"
	elif [ -z "$target" ]; then
		awaited="target $target_names on $described; only $disks answered"
		failure="target $target_names did not answer on $described within $timeout s, only $disks did; $masked"
	elif is_asked; then
		explain_unread
	else
		explain_missing_partition
	fi
}

# list_disks: sets $disks to the targets that answered.
list_disks() {
	local folder
	disks=
	for folder in '/sys/block/etherd!'*; do
		[ ! -e "$folder" ] || disks="$disks${disks:+, }${folder##*!}"
	done
}
