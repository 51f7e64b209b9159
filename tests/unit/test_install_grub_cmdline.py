import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import Target
from aoeinit.errors import ConfigError
from aoeinit.install.grub.cmdline import Parameters, rewrite, warnings_of

TARGET = Target(11, 0)
ROOT = "root=/dev/etherd/e11.0p2"
PARAMETERS = Parameters("/dev/etherd/e11.0p2", TARGET)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ROOT),
        ("quiet", f"{ROOT} quiet"),
        ("ro root=UUID=1 quiet", f"ro {ROOT} quiet"),
        ("root=/dev/sda1 ro root=UUID=1", f"{ROOT} ro"),
        ('"root=LABEL=old root" quiet', f"{ROOT} quiet"),
        ("root=/dev/sda1 rootflags=subvol=@ net.ifnames=0", f"{ROOT} rootflags=subvol=@ net.ifnames=0"),
        ("quiet -- root=/mine", f"{ROOT} quiet -- root=/mine"),
        ('dyndbg="file a.c +p; file b.c +p"', f'{ROOT} dyndbg="file a.c +p; file b.c +p"'),
        (r"dyndbg=\"file a.c +p\" quiet", rf"{ROOT} dyndbg=\"file a.c +p\" quiet"),
        ("rd.aoe=e12.0 rd.aoe.nic=lan0", f"{ROOT} rd.aoe.nic=lan0"),
        ("rd.aoe=e12.0,e11.0", f"{ROOT} rd.aoe=e12.0,e11.0"),
        ("boot=live fips=1", f"{ROOT} boot=live fips=1"),
        ("rd.lvm=0 rd.luks=0 noresume", f"{ROOT} rd.lvm=0 rd.luks=0 noresume"),
        ("$kernelopts $tuned_params", f"{ROOT} $kernelopts $tuned_params"),
    ],
)
def test_the_root_is_replaced_and_the_rest_kept(text: str, expected: str) -> None:
    assert rewrite(text, PARAMETERS).text == expected


def test_what_names_the_old_disk_is_dropped_with_a_word() -> None:
    old = [
        "resume=UUID=1",
        "resume_offset=4",
        "rd.lvm.lv=a/b",
        "rd.luks.uuid=luks-1",
        "rd.md.uuid=2",
        "boot=UUID=3",
    ]
    done = rewrite(" ".join(["ro", *old]), PARAMETERS)
    assert (done.text, list(done.dropped)) == (f"{ROOT} ro", old)
    assert warnings_of([*done.dropped, old[0]]) == (
        "resume=UUID=1 is dropped from the command line: nothing resumes from a target",
        "resume_offset=4 is dropped from the command line: nothing resumes from a target",
        "rd.lvm.lv=a/b is dropped from the command line: it is about the disk that the root was on",
        "rd.luks.uuid=luks-1 is dropped from the command line: it is about the disk that the root was on",
        "rd.md.uuid=2 is dropped from the command line: it is about the disk that the root was on",
        "boot=UUID=3 is dropped from the command line: only dracut reads it, to find the old /boot for FIPS",
    )


def test_other_words_are_replaced_by_name() -> None:
    parameters = Parameters("UUID=ab", TARGET, ("rootfstype=xfs", "rd.aoe=e11.0"))
    text = "ro rootfstype=ext4 rd.aoe=e12.0"
    assert rewrite(text, parameters).text == "root=UUID=ab ro rootfstype=xfs rd.aoe=e11.0"


def test_words_that_stand_elsewhere_are_only_taken_away() -> None:
    assert rewrite("quiet root=UUID=1", PARAMETERS, ()).text == "quiet"


def test_a_line_that_is_right_keeps_its_blanks() -> None:
    text = f"  ro  {ROOT}\tquiet "
    assert rewrite(text, PARAMETERS).text == text


@given(st.text(alphabet='ab= "\\-$', max_size=30))
def test_a_second_time_changes_nothing(text: str) -> None:
    once = rewrite(text, PARAMETERS).text
    assert rewrite(once, PARAMETERS).text == once


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("/dev/sda1", "root=/dev/sda1 is not supported"),
        ("", "root= is not supported"),
        ("UUID=", "root=UUID= is not supported"),
        ("/dev/etherd/e11.0p0", "root=/dev/etherd/e11.0p0 is not supported"),
        ("/dev/etherd/e12.0p1", "root=/dev/etherd/e12.0p1 is not on target e11.0"),
        ("LABEL=my root", "'root=LABEL=my root' needs quotes in a command line"),
        ('LABEL=a"b', "'root=LABEL=a\"b' needs quotes in a command line"),
        ("LABEL=$(reboot)", "'root=LABEL=$(reboot)' needs quotes in a command line"),
    ],
)
def test_a_root_that_the_agent_does_not_take_is_refused(root: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Parameters(root, TARGET)
    assert refused.value.message == message
    assert refused.value.hint


@pytest.mark.parametrize("root", ["/dev/etherd/e11.0", "aoe:e11.0p3", "PARTLABEL=root", "LABEL=root"])
def test_every_other_form_is_taken(root: str) -> None:
    assert Parameters(root, TARGET).words == (f"root={root}",)
