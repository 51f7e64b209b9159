"""The one contract between the builder and the boot agent.

The builder writes the files named here into the image, the agent reads them; the agent writes its report
under ``/run/aoeinit``, the running system reads it. The agent is shell and cannot import this module, so
``tests/agent/test_contract.py`` holds both halves, and docs/parameters.md, to it.
"""

from typing import Final

IMAGE_FILE: Final = "etc/aoeinit/image"
"""``KEY=VALUE`` lines about the image: :data:`IMAGE_KEYS`. An unset key is left out."""

IMAGE_KEYS: Final = ("version", "kernel", "target", "nic", "shell")
"""``version`` of aoeinit; ``kernel`` release; ``target`` baked in (``e11.0``);
``nic``: ``listed`` or, for drivers loaded by alias, ``all``; ``shell``, where the image has an emergency
shell: ``open``, or ``password`` for one that asks for root's password in :data:`SHADOW_FILE`."""

USERS_FILE: Final = "etc/passwd"
SHADOW_FILE: Final = "etc/shadow"
"""What busybox's sulogin reads: one user, root, with the crypt hash of the emergency shell's password."""

SHELL_APPLETS: Final = ("cttyhack", "setsid", "sulogin")
"""The applets that only an image with an emergency shell needs."""

MODULES_FILE: Final = "etc/aoeinit/modules"
"""The load order: a line ``STAGE NEED PATH`` for each module, PATH absolute in the image."""

STAGES: Final = ("early", "network", "filesystem", "overlay", "aoe")
"""When a module is loaded: ``early`` (asked for by name) and ``network`` before the interfaces go up,
``filesystem`` while the carrier comes, then ``overlay`` if rd.overlay asks for it, ``aoe`` once the carrier
is there. The file has them in this order."""

NEEDS: Final = ("required", "optional")
"""``optional``: a soft dependency, which may fail to load without harm."""

INTERFACES_FILE: Final = "etc/aoeinit/interfaces"
"""A line ``MAC NAME`` for each interface whose name in the installed system is known; MAC in lower case."""

STATE_FILE: Final = "run/aoeinit/state"
"""``KEY=VALUE`` lines about this boot: :data:`STATE_KEYS`."""

STATE_KEYS: Final = (
    *("target", "device", "interface", "mac", "mtu", "server", "paths", "root", "filesystem"),
    *("overlay", "parameter"),
)
"""``target`` e11.0; ``device`` its disk; ``interface`` that serves it, its ``mac`` and its ``mtu`` in bytes;
``server``: the MAC of the first that answered, ``paths``: of all, separated by commas;
``root`` the device mounted as root; ``filesystem`` its type; ``overlay``, with rd.overlay only, the size of
the memory for changes; ``parameter``, as often as the command line has one of :data:`PARAMETERS`, in its
order: ``NAME`` or ``NAME=VALUE``, without the quotes, a space for each control character; then, once for
each that was passed on to a module, ``MODULE.OPTION`` or ``MODULE.OPTION=VALUE``."""

PIN_FILE: Final = "run/aoeinit/pin"
"""With rd.aoe.server= only: a line that begins with ``kept`` or ``not kept``, and says why not."""

FILTER_FILE: Final = "run/aoeinit/pin.nft"
"""With rd.aoe.server= only: the rules that keep the pin, for nft."""

TIMELINE_FILE: Final = "run/aoeinit/timeline"
"""``SECONDS STEP`` lines: the kernel's uptime when the agent reached STEP, one of :data:`STEPS`."""

STEPS: Final = ("start", "modules", "interface", "carrier", "aoe", "device", "root", "switch")

DEAD_SECONDS: Final = 2147483647
"""The driver's ``aoe_deadsecs`` while the system runs: more than it can count, so it never gives up."""

SHUTDOWN_DEAD_SECONDS: Final = 90
"""The same once a shutdown is ordered; as long as systemd itself waits for anything to stop."""

SHUTDOWN_GRACE_SECONDS: Final = 30
"""How long a shutdown whose root is gone may take to end by itself."""

PARAMETERS: Final = (
    "root",
    "rootfstype",
    "rootflags",
    "ro",
    "rw",
    "init",
    "panic",
    "quiet",
    "rd.aoe",
    "rd.aoe.mtu",
    "rd.aoe.nic",
    "rd.aoe.onfail",
    "rd.aoe.server",
    "rd.aoe.timeout",
    "rd.aoe.vlan",
    "rd.break",
    "rd.debug",
    "rd.overlay",
)
"""The kernel parameters that the agent knows; docs/parameters.md describes each."""

APPLETS: Final = (
    "cat",
    "cp",
    "dd",
    "dmesg",
    "echo",
    "hexdump",
    "insmod",
    "ip",
    "mkdir",
    "mkfifo",
    "mknod",
    "modprobe",
    "mount",
    "poweroff",
    "readlink",
    "reboot",
    "rm",
    "sh",
    "sort",
    "strings",
    "switch_root",
    "uevent",
    "umount",
)
"""The busybox applets that the agent runs; the builder refuses a busybox that lacks one."""
