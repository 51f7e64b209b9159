# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# What systemd is told for a root that may be away for minutes: in /run, which is handed over, so that nothing on the
# root is touched.

# prepare_services: leaves units for the new system, where its init is systemd.
prepare_services() {
	local units=/run/systemd/system
	is_systemd || return 0
	mkdir -p "$units/service.d" "$units/sysinit.target.d"
	mkfifo /run/aoeinit/silence
	cp /bin/busybox /lib/aoeinit/guard /run/aoeinit || problem "cannot keep what ends a shutdown in /run"
	write_watchdog_rule >"$units/service.d/10-aoeinit.conf"
	write_guard_unit >"$units/aoeinit-guard@.service"
	write_guard_wish >"$units/sysinit.target.d/10-aoeinit.conf"
}

# is_systemd: the init that was found is systemd.
is_systemd() {
	[ "${resolved%/systemd}" != "$resolved" ]
}

# write_watchdog_rule: prints the drop-in for all services: one that waits for the root is not to be killed for it. A
# drop-in for one service by name goes over it.
write_watchdog_rule() {
	printf '%s\n' '[Service]' 'WatchdogSec=0'
}

# write_guard_unit: prints the unit that ends a shutdown, of the kind in its instance, whose server is dead. systemd's
# last round spares processes whose name begins with @; busybox goes by what follows the slash. The slice of a
# template's instances is stopped at each shutdown, and they with it: these are in another.
write_guard_unit() {
	printf '%s\n' '[Unit]' 'Description=End of a %i whose AoE server is dead' 'DefaultDependencies=no' \
		'Conflicts=%i.target' 'IgnoreOnIsolate=yes' 'RefuseManualStop=yes' \
		'[Service]' 'ExecStart=@/run/aoeinit/busybox @/busybox sh /run/aoeinit/guard %i' \
		'KillMode=process' 'OOMScoreAdjust=-1000' 'Slice=-.slice'
}

# write_guard_wish: prints the drop-in that starts the guards early.
write_guard_wish() {
	printf '%s\n' '[Unit]' 'Wants=aoeinit-guard@poweroff.service aoeinit-guard@reboot.service'
}
