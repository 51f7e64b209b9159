# shellcheck shell=dash disable=SC2034,SC2154 # tests/agent/test_style.py checks the files as one
# Network hardware that is of no use: without a driver in the image, or without its firmware.

# fail_without_interface: says which interfaces and drivers there are, and which hardware has no driver.
fail_without_interface() {
	local wanted="${rd_aoe_nic:+ that is $rd_aoe_nic}${unusable:+ that can be raised}"
	list_present_interfaces
	list_driverless_hardware
	list_loaded_modules
	[ -z "$vlan_refused" ] ||
		wanted="$wanted with VLAN $vlan (the image needs --module 8021q, or the kernel 8021q built in)"
	fail "no network interface$wanted; there are: ${present:-none}; hardware without a driver in\
 this image: ${driverless:-none seen}; modules loaded: ${loaded:-none}"
}

# list_present_interfaces: sets $present to all interfaces of real hardware.
list_present_interfaces() {
	local folder mac
	present=
	for folder in /sys/class/net/*; do
		[ -e "$folder/device" ] || continue
		read -r mac <"$folder/address"
		present="$present${present:+, }${folder##*/} ($mac)"
	done
}

# tell_driverless_hardware: sets $without_driver to what a message ends with where there is such hardware.
tell_driverless_hardware() {
	list_driverless_hardware
	without_driver="${driverless:+; hardware without a driver in this image: $driverless}"
}

# list_driverless_hardware: sets $driverless to the network devices on PCI and USB that no driver has taken. On USB they
# are those that say so (ECM, EEM, NCM, MBIM, RNDIS): most adapters are of a class of their vendor's.
list_driverless_hardware() {
	local folder modalias
	driverless=
	for folder in /sys/bus/pci/devices/* /sys/bus/usb/devices/*; do
		[ ! -e "$folder/driver" ] || continue
		read -r modalias 2>/dev/null <"$folder/modalias" || continue
		case "$modalias" in
		pci:*bc02sc*) ;;
		usb:*ic02isc0[6CDE]* | usb:*ic02isc02ipFF* | usb:*icE0isc01ip03*) ;;
		*) continue ;;
		esac
		driverless="$driverless${driverless:+, }${folder##*/} ($modalias)"
	done
}

# list_missing_firmware: sets $firmware to the files that the kernel's log says it has looked for in vain.
list_missing_firmware() {
	local log line name
	firmware=
	log="$(dmesg 2>/dev/null)"
	while IFS= read -r line; do
		name="${line#*Direct firmware load for }"
		[ "$name" != "$line" ] || continue
		name="${name%% *}"
		case ", $firmware," in
		*", $name,"*) ;;
		*) firmware="$firmware${firmware:+, }$name" ;;
		esac
	done <<-END
		$log
	END
}
