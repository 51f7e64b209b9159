import lzma
import subprocess
from pathlib import Path

import pytest

from aoeinit.boot import contract
from aoeinit.build import BuildOptions, ImagePlan, plan_image
from aoeinit.cli.making import plan, write
from aoeinit.config import Settings
from aoeinit.errors import ImageError, KernelError
from aoeinit.image.archive import FRONT_BLOCK, front_archive, read_archive
from aoeinit.image.check import verify_image
from aoeinit.image.entries import File, arrange
from aoeinit.kernel.microcode import Microcode, Processor, find_microcode, read_processor
from tests.unit.kernel_samples import RELEASE
from tests.unit.system_sample import make_system

INTEL, AMD, HYGON = 0, 2, 9
UPDATES = {
    "intel-ucode/06-55-04": b"\1\0\0\0 skylake 4",
    "intel-ucode/06-55-07": b"\1\0\0\0 skylake 7",
    "intel-ucode/06-4f-01.initramfs": b"\1\0\0\0 broadwell",
    "intel-ucode/README": b"not for processors",
    "amd-ucode/microcode_amd.bin": b"DMA\0 old",
    "amd-ucode/microcode_amd_fam15h.bin": b"DMA\0 bulldozer",
    "amd-ucode/microcode_amd_fam15h.bin.asc": b"a signature",
    "amd-ucode/microcode_amd_fam19h.bin": b"DMA\0 milan",
}


def install(sysroot: Path, updates: dict[str, bytes] = UPDATES) -> Path:
    for name, content in updates.items():
        file = sysroot / "lib/firmware" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return sysroot


@pytest.mark.parametrize(
    ("processor", "names"),
    [
        (
            Processor(INTEL, 0x06, 0x55),
            {"GenuineIntel.bin": ["intel-ucode/06-55-04", "intel-ucode/06-55-07"]},
        ),
        (Processor(INTEL, 0x06, 0x4F), {"GenuineIntel.bin": ["intel-ucode/06-4f-01.initramfs"]}),
        (Processor(AMD, 0x10, 0x02), {"AuthenticAMD.bin": ["amd-ucode/microcode_amd.bin"]}),
        (Processor(AMD, 0x19, 0x01), {"AuthenticAMD.bin": ["amd-ucode/microcode_amd_fam19h.bin"]}),
        (Processor(AMD, 0x17, 0x01), {}),
        (Processor(HYGON, 0x18, 0x00), {}),
        (
            None,
            {
                "GenuineIntel.bin": sorted(name for name in UPDATES if name.startswith("intel-ucode/0")),
                "AuthenticAMD.bin": sorted(name for name in UPDATES if name.endswith(".bin")),
            },
        ),
    ],
)
def test_a_processor_gets_its_own_updates_and_any_processor_all(
    tmp_path: Path, processor: Processor | None, names: dict[str, list[str]]
) -> None:
    found = find_microcode(install(tmp_path), RELEASE, processor)
    assert {each.image_file: list(each.names) for each in found} == names
    for each in found:
        assert each.content == b"".join(UPDATES[name] for name in each.names)


def test_packed_updates_are_unpacked_and_links_to_the_same_come_once(tmp_path: Path) -> None:
    install(tmp_path, {"amd-ucode/microcode_amd_fam19h.bin.xz": lzma.compress(b"DMA\0 milan")})
    (tmp_path / "lib/firmware/amd-ucode/microcode_amd_zz.bin").symlink_to("microcode_amd_fam19h.bin.xz")
    (found,) = find_microcode(tmp_path, RELEASE, None)
    assert found.content == b"DMA\0 milan"


def test_without_any_there_is_none(tmp_path: Path) -> None:
    assert find_microcode(tmp_path, RELEASE, None) == ()


@pytest.mark.parametrize("name", ["intel-ucode/06-55-04", "amd-ucode/microcode_amd.bin"])
def test_what_is_no_microcode_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(KernelError, match=f"firmware {name} in .* is no microcode") as caught:
        find_microcode(install(tmp_path, {name: b""}), RELEASE, None)
    assert "--microcode none" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("modalias", "processor"),
    [
        ("cpu:type:x86,ven0000fam0006mod0055:feature:,0000,0001\n", Processor(INTEL, 6, 0x55)),
        ("cpu:type:x86,ven0002fam0019mod0001:feature:,0000\n", Processor(AMD, 0x19, 1)),
        ("cpu:type:aarch64:feature:,0000\n", None),
        ("", None),
        (None, None),
    ],
)
def test_sysfs_tells_the_processor(tmp_path: Path, modalias: str | None, processor: Processor | None) -> None:
    if modalias is not None:
        (tmp_path / "devices/system/cpu").mkdir(parents=True)
        (tmp_path / "devices/system/cpu/modalias").write_text(modalias)
    assert read_processor(tmp_path) == processor


def planned(sysroot: Path, microcode: str = "auto") -> ImagePlan:
    settings = Settings(nic=("nic",), microcode=microcode)
    return plan_image(BuildOptions(RELEASE, sysroot, settings, ("ext4",)))


def test_an_image_has_it_in_an_archive_of_its_own_in_front(tmp_path: Path) -> None:
    image = planned(install(make_system(tmp_path)))
    assert [entry.path for entry in image.early] == [
        "early_cpio",
        "kernel",
        "kernel/x86",
        "kernel/x86/microcode",
        "kernel/x86/microcode/AuthenticAMD.bin",
        "kernel/x86/microcode/GenuineIntel.bin",
    ]
    assert "amd-ucode/microcode_amd.bin" in image.microcode
    assert not any("microcode" in entry.path for entry in image.entries)


def test_none_and_nothing_installed_leave_it_out(tmp_path: Path) -> None:
    assert planned(make_system(tmp_path)).early == ()
    assert planned(install(tmp_path), microcode="none").early == ()


@pytest.mark.parametrize(
    ("nic", "files"),
    [(("host",), 1), (("host", "nic"), 1), (("all", "host"), 3), (("nic",), 3)],
)
def test_an_image_for_this_machine_has_its_processors_alone(
    tmp_path: Path, nic: tuple[str, ...], files: int
) -> None:
    sysroot = install(make_system(tmp_path / "root"))
    sysfs = tmp_path / "sys"
    (sysfs / "devices/system/cpu").mkdir(parents=True)
    (sysfs / "devices/system/cpu/modalias").write_text("cpu:type:x86,ven0002fam0010mod0002:feature:,0000\n")
    (sysfs / "devices/card").mkdir()
    (sysfs / "devices/card/modalias").write_text("pci:v1d2\n")
    (sysfs / "class/net/eth0").mkdir(parents=True)
    (sysfs / "class/net/eth0/device").symlink_to("../../../devices/card")
    (sysfs / "class/net/eth0/type").write_text("1\n")
    (sysfs / "class/net/eth0/address").write_text("52:54:00:00:00:01\n")
    settings = Settings(nic=nic, filesystem=("ext4",))
    image = plan(settings, release=RELEASE, sysroot=sysroot, sysfs=sysfs)
    assert len([name for name in image.microcode if name.startswith("amd-ucode/")]) == files


class TestAWholeImage:
    @pytest.fixture
    def image(self, tmp_path: Path) -> Path:
        path = tmp_path / "image"
        write(planned(install(make_system(tmp_path / "root"))), path, Settings())
        return path

    def test_cpio_sees_the_archive_in_front(self, image: Path) -> None:
        listed = subprocess.run(
            ["cpio", "--list", "--quiet"], input=image.read_bytes(), capture_output=True, check=True
        )
        assert listed.stdout.split()[-2:] == [
            b"kernel/x86/microcode/AuthenticAMD.bin",
            b"kernel/x86/microcode/GenuineIntel.bin",
        ]

    def test_lsinitrd_sees_both(self, image: Path) -> None:
        shown = subprocess.run(["lsinitrd", str(image)], capture_output=True, text=True, check=True).stdout
        assert "kernel/x86/microcode/GenuineIntel.bin" in shown
        assert contract.IMAGE_FILE in shown

    def test_the_same_inputs_give_the_same_bytes(self, image: Path, tmp_path: Path) -> None:
        write(planned(tmp_path / "root"), tmp_path / "again", Settings())
        assert (tmp_path / "again").read_bytes() == image.read_bytes()

    def test_a_change_in_front_is_found(self, image: Path, tmp_path: Path) -> None:
        plan = planned(tmp_path / "root")
        front = front_archive(plan.early, mtime=0)
        content = image.read_bytes()
        assert content.startswith(front)
        verify_image(image, plan.entries, early=plan.early, front=len(front))
        image.write_bytes(content.replace(b"milan", b"MILAN"))
        with pytest.raises(ImageError, match=r"AuthenticAMD.bin"):
            verify_image(image, plan.entries, early=plan.early, front=len(front))


@pytest.mark.parametrize("size", [0, 1, 511, 512, 1000])
def test_the_archive_in_front_ends_on_a_block(size: int) -> None:
    entries = arrange([File("kernel/x", b"x" * size)])
    front = front_archive(entries, mtime=0)
    assert len(front) % FRONT_BLOCK == 0
    assert tuple(read_archive([front])) == entries


def test_nothing_early_is_no_archive() -> None:
    assert front_archive((), mtime=0) == b""


def test_an_image_file_names_what_it_was_made_of(tmp_path: Path) -> None:
    name = "amd-ucode/microcode_amd.bin"
    assert find_microcode(install(tmp_path, {name: b"DMA\0"}), RELEASE, None) == (
        Microcode("AuthenticAMD.bin", b"DMA\0", (name,)),
    )
