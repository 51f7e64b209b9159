"""A target that falls silent: what is said of it, when the boot ends, and that what is slow goes on."""

import pytest

from tests.agent.boot_samples import NOW, ROOT, fails, furnish, switched
from tests.agent.machine import Machine, mac_of

STEPPED = """
mkdir -p /run/aoeinit
mkfifo /machine/done /machine/never
target_answers e11.0 aoe0
target=e11.0 seconds=100
# READS WRITES completed, and how many REQUESTS are under way.
counts() { echo "$1 8 512 3 $2 8 512 3 $3 9 9 0 0" >"/sys/block/etherd!e11.0/stat"; }
reads() { read -r got </machine/done; return 7; }
ends() { echo it >/machine/done; read -r _ </machine/never; }
happens() { [ "$seconds" -lt 400 ] || ends; }
# A second passes.
next_event() { seconds=$((seconds + 1)); echo "$seconds.00 0.00" >/proc/uptime; happens; }
echo "$seconds.00 0.00" >/proc/uptime
counts 5 0 1
"""
"""Something that is read under a watcher whose every look takes one second, and that ends when those say."""
SERVER = "target e11.0 (server 52:54:00:aa:bb:cc)"
MEANS = "its server is overloaded or gone, or large frames are lost on the way (then rd.aoe.mtu=1500)"
UNREAD = f"target e11.0 answered, but did not send what is read from it within 12 s: {MEANS}"
STAT = "/sys/block/etherd!e11.0/stat"
PARTITION = "/sys/block/etherd!e11.0/etherd!e11.0p1"


def silent(seconds: int, words: str = "mounting") -> str:
    return f"{SERVER} does not answer any more: nothing for {seconds} s ({words}); {MEANS}"


def reminders(*seconds: int) -> list[str]:
    return [f"waiting for target e11.0, which has not answered for {each} s (mounting)" for each in seconds]


def test_silence_is_told_every_15_seconds_and_ends_the_boot(still: Machine) -> None:
    outcome = still.run(f"{STEPPED} timeout=40 panic=-1; watched mounting reads; note went on")
    assert outcome.errors == [*reminders(15, 30), silent(40)]
    assert outcome.log == ["reboot -n -f"]


def test_a_link_that_is_lost_is_the_cause(still: Machine) -> None:
    still.plug_in("aoe0", 2)
    lost = "interfaces=2; echo 0 >/sys/class/net/aoe0/carrier"
    outcome = still.run(f"{STEPPED} {lost}; timeout=20 panic=-1; watched mounting reads")
    cause = f"; no carrier on aoe0 ({mac_of(2)}): check cable, switch port and driver"
    assert outcome.errors == [
        *(f"{reminder}{cause}" for reminder in reminders(15)),
        silent(20).replace(f"; {MEANS}", cause),
    ]


def test_without_a_timeout_silence_is_only_told(still: Machine) -> None:
    outcome = still.run(f"{STEPPED} timeout=0; watched mounting reads; note went on")
    assert outcome.errors == reminders(*range(15, 300, 15))
    assert outcome.log == ["went on"]


@pytest.mark.parametrize("counted", ['"$seconds" 0', '5 "$seconds"', '5 "$((seconds / 9))"'])
def test_what_is_slow_is_never_cut_off(still: Machine, counted: str) -> None:
    slow = f'happens() {{ counts {counted} 1; [ "$seconds" -lt 400 ] || ends; }}'
    outcome = still.run(f"{STEPPED} {slow}\n timeout=12; watched mounting reads; note went on")
    assert (outcome.errors, outcome.log) == ([], ["went on"])


def test_a_partition_waits_for_itself(still: Machine) -> None:
    """Kernel 6.12 tells of its requests there, and not at the disk."""
    moved = f"mkdir '{PARTITION}'; mv '{STAT}' '{PARTITION}/stat'; echo '9 0 0 0 0 0 0 0 0 0 0' >'{STAT}'"
    outcome = still.run(f"{STEPPED} {moved}; timeout=12 panic=-1; watched mounting reads")
    assert outcome.errors == [silent(12)]


@pytest.mark.parametrize("before", ["counts 5 0 0", f"rm '{STAT}'"])
def test_who_asks_for_nothing_waits_for_nothing(still: Machine, before: str) -> None:
    outcome = still.run(f"{STEPPED} {before}; timeout=12; watched mounting reads; note went on")
    assert (outcome.errors, outcome.log, outcome.output) == ([], ["went on"], "")


def test_silence_counts_from_the_last_answer(still: Machine) -> None:
    answers_once = 'happens() { [ "$seconds" -ne 130 ] || counts 6 0 1; }'
    outcome = still.run(f"{STEPPED} {answers_once}\n timeout=40 panic=-1; watched mounting reads")
    assert outcome.errors == [*reminders(15, 15, 30), silent(40)]
    assert still.read("proc/uptime") == "170.00 0.00\n"


def test_what_is_watched_runs_in_the_agent_itself(still: Machine) -> None:
    outcome = still.run(
        f'{STEPPED} timeout=0; gives() {{ got="$1"; reads; }}\n'
        'watched mounting gives "two words"; echo "$? $got"\n'
        'sets() { got="$*"; }; watched reading sets "two words" third; echo "$? $got"'
    )
    assert outcome.output == "7 it\n0 two words third\n"


def test_nothing_is_left_of_the_watcher(still: Machine) -> None:
    outcome = still.run(
        f'{STEPPED} looks() {{ pid="$watcher"; kill -0 "$pid" && echo there; }}\n'
        'watched mounting looks; kill -0 "$pid" 2>/dev/null || echo "gone$watcher"'
    )
    assert outcome.output == "there\ngone\n"
    assert not (still.root / "run/aoeinit/silent").exists()


def test_a_failure_ends_the_watcher(still: Machine) -> None:
    """Or it would end the boot under who has opened a shell."""
    outcome = still.run(
        f"{STEPPED} onfail=shell image_shell=open timeout=12 panic=-1\n"
        'setsid() { kill -0 "$pid" 2>/dev/null || note gone; }\n'
        'breaks() { pid="$watcher"; fail why; }; watched mounting breaks'
    )
    assert outcome.errors[0] == "why"
    assert outcome.log == ["gone", "reboot -n -f"]


@pytest.mark.parametrize(
    ("setting", "said", "log"),
    [
        ("panic=5", "restarting in 5 seconds", ["reboot -n -f"]),
        ("panic=5 onfail=poweroff", "switching off in 5 seconds", ["poweroff -n -f"]),
        (
            "onfail=shell image_shell=open panic=-1",
            "rd.aoe.onfail=shell: a shell on the console; leave it with exit",
            ["setsid cttyhack sh", "reboot -n -f"],
        ),
        (
            "onfail=shell image_shell=password panic=-1",
            "rd.aoe.onfail=shell: a shell on the console; leave it with exit",
            ["setsid cttyhack sulogin", "reboot -n -f"],
        ),
    ],
)
def test_how_the_boot_ends(still: Machine, setting: str, said: str, log: list[str]) -> None:
    still.on("setsid", "true")
    outcome = still.run(f"{STEPPED} {setting}; timeout=12; watched mounting reads")
    assert outcome.errors == [silent(12), said]
    assert outcome.log == log


def test_an_end_that_was_told_is_the_end(still: Machine) -> None:
    """What was read comes after all: nobody goes on while the watcher waits as it said."""
    outcome = still.run(
        f"{STEPPED} onfail=wait timeout=12\n"
        "pause_for_ever() { echo it >/machine/done; read -r -t 0.5 _ <>/machine/never; note waited; exit; }\n"
        "watched mounting reads; note went on"
    )
    assert outcome.errors == [silent(12), "waiting for ever, as rd.aoe.onfail=wait says"]
    assert outcome.log == ["waited", "went on"]


HANGS = f"mkfifo /machine/never; echo '5 0 0 0 0 0 0 0 1 0 0' >'{STAT}'; read -r _ </machine/never"


@pytest.mark.parametrize(
    ("parameters", "folder"), [("", "sysroot"), ("rd.overlay", "lower"), ("rd.aoe.timeout=60", "sysroot")]
)
def test_a_mount_that_hangs(hurried: Machine, parameters: str, folder: str) -> None:
    furnish(hurried).put("proc/filesystems", "nodev\toverlay\n")
    hurried.on(f"mount {folder}", HANGS)
    outcome = hurried.boot(f"{ROOT} {NOW} {parameters}")
    seconds = 60 if "timeout" in parameters else 180
    assert outcome.errors[-1] == silent(seconds, "mounting the root")
    assert outcome.log[-1] == "reboot -n -f"
    assert not switched(outcome)


def test_an_init_that_cannot_be_looked_for(hurried: Machine) -> None:
    (furnish(hurried).root / "sysroot/sbin/init").unlink()
    (hurried.root / "sysroot/sbin/init").symlink_to("/init")
    hurried.put("lib/aoeinit/zz.sh", f"readlink() {{ {HANGS}; }}\n")
    outcome = hurried.boot(f"{ROOT} {NOW}")
    assert outcome.errors[-1] == silent(180, "looking for its init")


@pytest.mark.parametrize("root", ["root=UUID=1-2", ""])
def test_partitions_that_cannot_be_read(hurried: Machine, root: str) -> None:
    disk = f"echo '5 0 0 0 0 0 0 0 1 0 0' >'{STAT}'; rm /dev/etherd/e11.0; mkfifo /dev/etherd/e11.0"
    furnish(hurried).on("insmod aoe.ko", f"aoe_loads; target_answers e11.0 aoe0 p1; {disk}")
    outcome = hurried.boot(f"{root} rd.aoe=e11.0 {NOW}")
    assert outcome.errors[-1] == silent(180, "reading the partitions of target e11.0")
    assert not switched(outcome)


def test_partitions_are_read_once_only(hurried: Machine) -> None:
    """There is no watcher for each of the many looks in which nothing is read."""
    furnish(hurried, target="e11.0 aoe0 p1 p2")
    hurried.put("lib/aoeinit/zz.sh", 'search_partitions() { note search; looked_at="$partitions"; false; }\n')
    outcome = hurried.boot(f"root=UUID=1-2 rd.aoe=e11.0 rd.aoe.timeout=60 {NOW}")
    assert outcome.log.count("search") == 1


def test_a_partition_table_that_does_not_come(hurried: Machine) -> None:
    asked = f"echo '0 0 0 0 0 0 0 0 1 0 0' >'{STAT}'"
    furnish(hurried).on("insmod aoe.ko", f"aoe_loads; target_answers e11.0 aoe0; {asked}")
    fails(
        hurried.boot(f"{ROOT} {NOW} rd.aoe.timeout=12"),
        UNREAD,
        waiting="target e11.0, which answered, to send what is read from it",
    )


def test_a_whole_disk_that_does_not_come(hurried: Machine) -> None:
    furnish(hurried).on("insmod aoe.ko", "aoe_loads; target_answers e11.0 aoe0; rm /dev/etherd/e11.0")
    fails(
        hurried.boot(f"root=/dev/etherd/e11.0 {NOW} rd.aoe.timeout=12"),
        "target e11.0 answered, but has no /dev/etherd/e11.0",
        waiting="the disk of target e11.0",
    )
