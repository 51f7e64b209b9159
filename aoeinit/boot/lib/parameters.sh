# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# What the boot is told: the kernel's command line and the facts of the image. Values from outside are data: they
# are compared and passed on quoted, never expanded again.

root=
rootfstype=
rootflags=
root_access=ro
init=
panic=30
quiet=
rd_aoe=
rd_aoe_nic=
timeout=180
image_shell=

# The parameters that the agent took notice of, a line each: NAME[=VALUE].
given=

# set_parameter NAME VALUE: keeps a kernel parameter; NAME ends in = where it has a value. A later one wins.
set_parameter() {
	case "$1" in
	root=) root="$2" ;;
	rootfstype=) rootfstype="$2" ;;
	rootflags=) rootflags="$2" ;;
	ro | rw) root_access="$1" ;;
	init=) init="$2" ;;
	panic=) set_panic "$2" ;;
	quiet) quiet=1 ;;
	rd.aoe=) set_rd_aoe "$2" ;;
	rd.aoe.mtu=) set_wanted_mtu "$2" ;;
	rd.aoe.nic=) rd_aoe_nic="$2" ;;
	rd.aoe.onfail=) set_onfail "$2" ;;
	rd.aoe.server=) rd_aoe_server="$2" ;;
	rd.aoe.timeout=) set_timeout "$2" ;;
	rd.aoe.vlan=) set_vlan "$2" ;;
	rd.break=) set_break "$2" ;;
	rd.debug) debug=1 ;;
	rd.overlay) overlay=1 ;;
	rd.overlay=) set_overlay "$2" ;;
	*) keep_module_option "$1" "$2" && return ;;
	esac
	note_parameter "$1$2"
}

# note_parameter TEXT: one more line of $given.
note_parameter() {
	printable "$1"
	given="$given$printable
"
}

# set_panic VALUE: seconds until the restart after a failure; 0 never, negative at once.
set_panic() {
	if is_number "${1#-}" 999999999; then
		panic="$1"
	else
		warn "panic=$1 is not a number of seconds; using $panic"
	fi
}

# set_rd_aoe VALUE: targets, separated by commas; kept with a space between them.
set_rd_aoe() {
	local rest="$1," each
	rd_aoe=
	while [ -n "$rest" ]; do
		each="${rest%%,*}" rest="${rest#*,}"
		if is_target "$each"; then
			rd_aoe="$rd_aoe${rd_aoe:+ }$each"
		else
			warn "rd.aoe=$each is not a target such as e11.0 (shelf 0-65534, slot 0-254); ignored"
		fi
	done
}

# set_timeout VALUE: seconds to wait for the root device; 0 for ever.
set_timeout() {
	if is_number "$1" 999999999; then
		timeout="$1"
	else
		warn "rd.aoe.timeout=$1 is not a number of seconds; using $timeout"
	fi
}

# is_number TEXT MAXIMUM: TEXT is a decimal number without leading zeros, at most MAXIMUM.
is_number() {
	case "$1" in
	'' | *[!0123456789]* | 0?* | ??????????*) return 1 ;;
	*) [ "$1" -le "$2" ] ;;
	esac
}

# is_target TEXT: TEXT names an AoE target as the driver does, e<shelf>.<slot>.
is_target() {
	local address="${1#e}"
	[ "$1" = "e$address" ] || return 1
	[ "$address" = "${address%%.*}.${address#*.}" ] || return 1
	is_number "${address%%.*}" 65534 && is_number "${address#*.}" 254
}

# read_parameters: keeps what the kernel's command line says.
read_parameters() {
	local line words=
	while IFS= read -r line || [ -n "$line" ]; do
		words="$words$line
"
	done </proc/cmdline
	parse_words "$words"
}

# parse_words TEXT: sets a parameter for each word of TEXT up to a lone --, as next_arg() in the kernel's
# lib/cmdline.c does: space separates, double quotes protect it.
parse_words() {
	local text="$1" word
	while take_word; do
		split_word
		[ "$name" != -- ] || break
		set_parameter "$name" "$value"
	done
}

# take_word: moves the first word of $text into $word, quotes and all; false if there is none.
take_word() {
	local chunk
	text="${text#"${text%%[![:space:]]*}"}"
	[ -n "$text" ] || return 1
	word=
	while :; do
		chunk="${text%%[[:space:]\"]*}"
		word="$word$chunk"
		text="${text#"$chunk"}"
		case "$text" in
		\"*) take_quoted ;;
		*) return 0 ;;
		esac
	done
}

# take_quoted: moves a quoted part from the start of $text to the end of $word; a missing end quote is forgiven.
take_quoted() {
	local chunk="${text#\"}"
	chunk="${chunk%%\"*}"
	text="${text#\""$chunk"}"
	word="$word\"$chunk"
	case "$text" in
	\"*)
		text="${text#\"}"
		word="$word\""
		;;
	*) ;;
	esac
}

# split_word: sets $name (with its =, if any) and $value from $word; only quotes around the word or around the
# value are taken off.
split_word() {
	local end=
	case "$word" in
	\"*) word="${word#\"}" end=\" ;;
	*) ;;
	esac
	case "$word" in
	*=*) ;;
	*)
		name="${word%"$end"}" value=
		return
		;;
	esac
	name="${word%%=*}=" value="${word#*=}"
	case "$value" in
	\"*) value="${value#\"}" end=\" ;;
	*) ;;
	esac
	value="${value%"$end"}"
}

# read_image_facts: sets $image_target, $image_nic and $image_shell, and tells a kernel that the image was not made for.
read_image_facts() {
	local line running
	image_version='' image_kernel='' image_target='' image_nic=listed
	while IFS= read -r line || [ -n "$line" ]; do
		case "$line" in
		version=*) image_version="${line#*=}" ;;
		kernel=*) image_kernel="${line#*=}" ;;
		target=*) image_target="${line#*=}" ;;
		nic=*) image_nic="${line#*=}" ;;
		shell=*) image_shell="${line#*=}" ;;
		*) ;;
		esac
	done </etc/aoeinit/image
	read -r running </proc/sys/kernel/osrelease
	info "version $image_version on kernel $running"
	[ "$image_kernel" = "$running" ] || problem "this image was built for kernel $image_kernel, not $running;\
 build another with aoeinit build --kernel $running"
}
