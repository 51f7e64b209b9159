# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Kernel modules: loaded in the order that the builder wrote down; by alias only where the image carries every
# network driver.

known_devices=0

# Parameters for modules, a line each: MODULE OPTION.
module_options=

# keep_module_option NAME VALUE: keeps a kernel parameter of the form MODULE.OPTION[=VALUE]: the kernel gives it to
# what is built in, insmod does not read it. NAME ends in = where it has a value.
keep_module_option() {
	local module="${1%%.*}" newline='
'
	[ "$module" != "$1" ] && [ "$module" != rd ] || return 0
	case "$1$2" in
	*"$newline"*) return 0 ;;
	*) ;;
	esac
	underscored "$module"
	module_options="$module_options$underscored ${1#*.}$2$newline"
}

# note_module_options: those that were passed on, to modules that are in the kernel now, are among the parameters that
# the agent took notice of. What is built in is not the agent's.
note_module_options() {
	local rest="$module_options" line newline='
'
	list_loaded_modules
	while [ -n "$rest" ]; do
		line="${rest%%"$newline"*}"
		rest="${rest#*"$newline"}"
		case " $loaded " in
		*" ${line%% *} "*) note_parameter "${line%% *}.${line#* }" ;;
		*) ;;
		esac
	done
}

# underscored NAME: sets $underscored to the module's NAME as the kernel has it, with _ for -.
underscored() {
	local rest="$1" head
	underscored=
	while :; do
		head="${rest%%-*}"
		underscored="$underscored$head"
		[ "$head" != "$rest" ] || return 0
		underscored="${underscored}_"
		rest="${rest#*-}"
	done
}

# insert_module PATH: insmod, with the parameters that the command line has for the module.
insert_module() {
	local path="$1" rest="$module_options" line newline='
'
	line="${path##*/}"
	underscored "${line%.ko}"
	set --
	while [ -n "$rest" ]; do
		line="${rest%%"$newline"*}"
		rest="${rest#*"$newline"}"
		[ "${line%% *}" != "$underscored" ] || set -- "$@" "${line#* }"
	done
	insmod "$path" "$@"
}

# load_modules STAGE: loads the modules listed for STAGE; false if a required one did not load.
load_modules() {
	local stage need path complete=1
	while read -r stage need path; do
		[ "$stage" = "$1" ] || continue
		load_module "$need" "$path" || [ "$need" = optional ] || complete=
	done </etc/aoeinit/modules
	[ -n "$complete" ]
}

# load_module NEED PATH: true if the module is in the kernel now; tells why where it is not.
load_module() {
	local reason
	if reason="$(insert_module "$2" 2>&1)"; then
		detail "loaded ${2##*/}"
		return 0
	fi
	case "$reason" in
	*'File exists'*) return 0 ;;
	*) ;;
	esac
	if [ "$1" = required ]; then
		problem "module ${2##*/} did not load (${reason##*: })"
	else
		detail "optional module ${2##*/} did not load (${reason##*: })"
	fi
	return 1
}

# load_modules_by_alias: in an image for any machine, loads the drivers of all devices, and of the devices that
# these bring to light (a network card behind a virtio bus, say).
load_modules_by_alias() {
	local rounds=0 failures
	[ "$image_nic" = all ] || return 0
	while [ "$rounds" -lt 8 ]; do
		set -- /sys/bus/*/devices/*/modalias
		[ "$#" -ne "$known_devices" ] || return 0
		known_devices="$#"
		rounds="$((rounds + 1))"
		failures="$(cat "$@" 2>/dev/null | sort -u | load_aliases)"
		[ -z "$failures" ] || problem "$failures"
		detail "looked up drivers for $known_devices devices"
	done
}

# load_aliases: loads what the image has for the aliases on standard input, one a line; prints what fails.
load_aliases() {
	local alias
	set --
	while read -r alias; do
		set -- "$@" "$alias"
	done
	modprobe -a -q "$@" 2>&1
}

# list_loaded_modules: sets $loaded to the modules in the kernel.
list_loaded_modules() {
	local module
	loaded=
	while read -r module _; do
		loaded="$loaded${loaded:+ }$module"
	done </proc/modules
}
