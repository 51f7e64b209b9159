"""Boot entries of every kind, and which of them is the next boot's."""

from pathlib import Path

import pytest

from aoeinit.doctor.entries import Entry, locate, lost_default, read_entries, unified_entry, version_key
from aoeinit.doctor.grub_menu import parse
from aoeinit.doctor.kernels import kernels_of
from tests.unit.doctor_samples import GRUB_CFG, KERNEL, MENU
from tests.unit.grub_samples import ENTRY_FILE, MACHINE, RELEASE, fill, make_fedora

BLS_MENU = 'set default="${saved_entry}"\ninsmod blscfg\nblscfg\nmenuentry "UEFI Firmware" {\n\tfwsetup\n}\n'
OLD = "boot/loader/entries/0123-5.9.conf"


def files(entries: tuple[Entry, ...]) -> list[str]:
    return [each.file.rpartition("/")[2] for each in entries if each.is_default]


def defaults(entries: tuple[Entry, ...]) -> list[str]:
    return [each.name for each in entries if each.is_default]


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ("", "Debian GNU/Linux"),
        ("saved_entry=gnulinux-simple\n", "Debian GNU/Linux"),
        ("saved_entry=1\n", "Debian GNU/Linux, with Linux 6.1.0-test"),
        ("saved_entry=1>0\n", "Debian GNU/Linux, with Linux 6.1.0-test"),
        (
            "saved_entry=gnulinux-advanced>gnulinux-6.1.0-test\n",
            "Debian GNU/Linux, with Linux 6.1.0-test",
        ),
        ("saved_entry=0\nnext_entry=1>0\n", "Debian GNU/Linux, with Linux 6.1.0-test"),
        ("saved_entry=nobody\n", "Debian GNU/Linux"),
    ],
)
def test_grub_starts_the_entry_that_its_environment_names(tmp_path: Path, variables: str, name: str) -> None:
    fill(tmp_path, {MENU: GRUB_CFG, "boot/grub/grubenv": variables})
    entries = read_entries(tmp_path)
    assert [each.kernel for each in entries] == [f"/{KERNEL.removeprefix('boot/')}"] * 2
    assert defaults(entries) == [name]
    assert lost_default(tmp_path) == ((MENU, "nobody") if "nobody" in variables else None)


def test_a_plain_default_counts_without_a_saved_one(tmp_path: Path) -> None:
    fill(tmp_path, {MENU: GRUB_CFG.replace("${saved_entry}", "1"), "boot/grub/grubenv": "saved_entry=0\n"})
    assert defaults(read_entries(tmp_path)) == ["Debian GNU/Linux, with Linux 6.1.0-test"]


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_default_may_be_a_title_with_blanks(tmp_path: Path, quote: str) -> None:
    name = "Debian GNU/Linux, with Linux 6.1.0-test"
    path = f"{quote}Advanced options for Debian GNU/Linux>{name}{quote}"
    fill(tmp_path, {MENU: GRUB_CFG.replace('"${saved_entry}"', path)})
    assert defaults(read_entries(tmp_path)) == [name]
    assert lost_default(tmp_path) is None


@pytest.mark.parametrize(
    ("saved", "default"),
    [
        (f"{MACHINE}-{RELEASE}", ENTRY_FILE),
        ("0123-5.9", OLD),
        ("0", ENTRY_FILE),
        ("1", OLD),
        ("9", ENTRY_FILE),
        ("gone", ENTRY_FILE),
    ],
)
def test_grub_of_fedora_starts_what_it_has_saved_or_the_newest(
    tmp_path: Path, saved: str, default: str
) -> None:
    make_fedora(tmp_path)
    variables = f"saved_entry={saved}\nkernelopts=root=UUID=1 ro\n"
    old = "title Old\nversion 5.9\nlinux /vmlinuz-5.9\noptions $kernelopts quiet\n"
    fill(tmp_path, {"boot/grub2/grub.cfg": BLS_MENU, OLD: old, "boot/grub2/grubenv": variables})
    entries = read_entries(tmp_path)
    assert files(entries) == [default.rpartition("/")[2]]
    older = next(each for each in entries if each.file == OLD)
    assert older.words == ("root=UUID=1", "ro", "quiet")
    assert (lost_default(tmp_path) is not None) == (saved == "gone")


def test_a_loader_without_grub_takes_its_default_or_the_newest(tmp_path: Path) -> None:
    entry = "version {0}\nlinux /{0}/linux\ninitrd /{0}/initrd\noptions root=UUID=1\n"
    for release in ("6.9.1", "6.10.1", "6.1.1"):
        fill(tmp_path, {f"boot/efi/loader/entries/m-{release}.conf": entry.format(release)})
    assert files(read_entries(tmp_path)) == ["m-6.10.1.conf"]
    fill(tmp_path, {"boot/efi/loader/loader.conf": "timeout 3\ndefault m-6.1.*\n"})
    assert files(read_entries(tmp_path)) == ["m-6.1.1.conf"]


def test_a_unified_kernel_image_is_its_own_entry(tmp_path: Path) -> None:
    path = "boot/efi/EFI/Linux/a.efi"
    fill(tmp_path, {path: "pe"})
    made = unified_entry(path, {".cmdline": 'root="LABEL=the root" quiet', ".uname": "6.1"})
    (entry,) = read_entries(tmp_path, [made])
    assert (entry.value("root"), entry.release, entry.is_default) == ("LABEL=the root", "6.1", True)
    (kernel,) = kernels_of(tmp_path, (entry,), {})
    assert (kernel.release, kernel.image, kernel.is_next) == ("6.1", path, True)


@pytest.mark.parametrize(
    ("options", "words"), [("", ("root=UUID=1",)), ("options\troot=UUID=2\n", ("root=UUID=2",))]
)
def test_an_entry_may_name_a_unified_kernel_image(
    tmp_path: Path, options: str, words: tuple[str, ...]
) -> None:
    path = "boot/efi/EFI/Linux/a.efi"
    folder = "boot/efi/loader/entries"
    uki = f"title\tA\nuki\t/EFI/Linux/a.efi\n\n{options}"
    fill(tmp_path, {path: "pe", f"{folder}/a.conf": uki, f"{folder}/shell.conf": "efi /shell.efi\n"})
    fill(tmp_path, {f"{folder}/none.conf": "uki\nlinux \n"})
    fill(tmp_path, {"boot/efi/loader/loader.conf": "default a.conf\n"})
    made = unified_entry(path, {".cmdline": "root=UUID=1", ".uname": "6.1"})
    entries = read_entries(tmp_path, [made])
    assert sorted(each.name for each in entries) == ["A", "a.efi"]
    (entry,) = (each for each in entries if each.is_default)
    assert (entry.name, entry.kernel, entry.words, entry.release) == ("A", "", words, "6.1")
    assert [each.image for each in kernels_of(tmp_path, (entry,), {})] == [path]


@pytest.mark.parametrize("path", ["/boot/image", "/image", "/@/boot/image", "image"])
def test_a_file_is_found_whatever_file_system_boot_is_on(tmp_path: Path, path: str) -> None:
    fill(tmp_path, {"boot/image": ""})
    assert locate(tmp_path, path) == "boot/image"
    assert locate(tmp_path, "/none") is None


@pytest.mark.parametrize(
    "text",
    ["", "}", "}\n}", "menuentry {", "menuentry 'a {\nlinux", "submenu 'x' {\nmenuentry \"' {\nlinux '/a"],
)
def test_a_menu_that_makes_no_sense_has_no_entry_that_starts(text: str) -> None:
    menu = parse(text)
    assert [each for each in menu.items if each.initrds] == []


def test_the_last_value_of_a_parameter_counts_and_none_behind_two_hyphens() -> None:
    words = ("root=/dev/sda1", "ro", "root=/dev/etherd/e1.1p1", "--", "root=x")
    entry = Entry("file", "name", "/vmlinuz-6.1", (), words)
    assert (entry.value("root"), entry.value("init"), entry.release) == ("/dev/etherd/e1.1p1", None, "6.1")
    assert entry.values("ro") == ("",)


def test_versions_are_ordered_by_their_numbers_however_long() -> None:
    names = ["6.9", "6.10", "6.010.1", f"6.{'9' * 5000}", f"6.1{'0' * 5000}"]
    assert sorted(set(names), key=version_key) == names
