import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from aoeinit.errors import ConfigError
from aoeinit.install.hooks import SCRIPTS
from aoeinit.install.kernel_install import (
    UKI_OVERHEAD,
    Build,
    Nothing,
    Remove,
    Request,
    decide,
    is_entry,
    names_image,
)

RELEASE = "6.1.0-42-amd64"
ROOT = Path("/")
ENTRY = Path("/boot/0123/6.1.0-42-amd64")
KERNEL = Path("/usr/lib/modules/vmlinuz")
ENVIRONMENT = {
    "KERNEL_INSTALL_LAYOUT": "bls",
    "KERNEL_INSTALL_INITRD_GENERATOR": "aoeinit",
    "KERNEL_INSTALL_STAGING_AREA": "/tmp/staging",  # noqa: S108 - a value
    "KERNEL_INSTALL_BOOT_ROOT": "/boot",
    "KERNEL_INSTALL_ENTRY_TOKEN": "debian",
    "KERNEL_INSTALL_MACHINE_ID": "0123",
    "KERNEL_INSTALL_VERBOSE": "0",
}
STAGED = Path("/tmp/staging/initrd")  # noqa: S108 - a value
IMAGE_NAME = f"initrd.img-{RELEASE}"


def request(*arguments: str, **environment: str) -> Request:
    changed = {f"KERNEL_INSTALL_{key}": value for key, value in environment.items()}
    return Request.parse(
        arguments or ("add", RELEASE, str(ENTRY), str(KERNEL)), {**ENVIRONMENT, **changed}, ROOT
    )


def decision(asked: Request, configured: str | None = None) -> Nothing | Build | Remove:
    return decide(asked, image_name=IMAGE_NAME, configured=configured)


def test_a_request_is_what_kernel_install_says() -> None:
    assert request("add", RELEASE, str(ENTRY), str(KERNEL), "/a", "/b") == Request(
        command="add",
        release=RELEASE,
        entry_folder=ENTRY,
        kernel=KERNEL,
        initrds=(Path("/a"), Path("/b")),
        layout="bls",
        generator="aoeinit",
        staging=STAGED.parent,
        boot=Path("/boot"),
        tokens=("debian", "0123"),
        image_type="",
        verbose=False,
    )


def test_without_kernel_install_only_command_and_release_are_known() -> None:
    asked = Request.parse(["remove", RELEASE], {}, Path("/target"))
    assert (asked.generator, asked.entry_folder, asked.tokens) == (None, None, ())
    assert asked.boot == Path("/target/boot")


@pytest.mark.parametrize("release", ["", "../x", "a/b", ".", ".."])
def test_a_release_that_is_no_name_is_refused(release: str) -> None:
    with pytest.raises(ConfigError, match="is not a kernel release"):
        Request.parse(["add", release], {}, ROOT)


@pytest.mark.parametrize("boot_root", [".", "boot", "../boot"])
def test_a_boot_root_that_counts_from_the_current_folder_is_refused(boot_root: str) -> None:
    with pytest.raises(ConfigError, match=f"KERNEL_INSTALL_BOOT_ROOT={boot_root} is no absolute path"):
        request(BOOT_ROOT=boot_root)


@pytest.mark.parametrize("event", ["postinst.d", "postrm.d"])
@pytest.mark.parametrize(
    ("arguments", "boot"),
    [
        ([RELEASE], "/boot"),
        ([RELEASE, ""], "/boot"),
        ([RELEASE, f"/elsewhere/vmlinuz-{RELEASE}"], "/elsewhere"),
    ],
)
def test_where_debians_scripts_find_the_boot_folder(
    tmp_path: Path, event: str, arguments: list[str], boot: str
) -> None:
    fake = tmp_path / "aoeinit"
    fake.write_text('#!/bin/sh\necho "$KERNEL_INSTALL_BOOT_ROOT"\n')
    fake.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", SCRIPTS / "debian" / event / "initramfs-aoeinit", *arguments],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stderr == f"{boot}\n"


@pytest.mark.parametrize(
    ("layout", "boot_root", "boot"),
    [
        ("bls", "/efi", "/efi"),
        ("uki", "/boot/efi", "/boot/efi"),
        ("other", "/boot", "/boot"),
        ("other", "/efi", "/boot"),
        ("other", "/boot/efi", "/boot"),
        ("grub", "/elsewhere", "/elsewhere"),
        ("other", "", "/boot"),
    ],
)
def test_where_kernels_are(layout: str, boot_root: str, boot: str) -> None:
    assert request(LAYOUT=layout, BOOT_ROOT=boot_root).boot == Path(boot)


@pytest.mark.parametrize(
    ("generator", "configured", "wanted"),
    [
        ("aoeinit", None, True),
        ("aoeinit", "dracut", True),
        ("aoeinit-next", None, False),
        ("", None, False),
        ("", "aoeinit", False),
        ("dracut", "aoeinit", False),
        (None, "aoeinit", True),
        (None, "dracut", False),
        (None, None, False),
    ],
)
def test_the_generator_decides(generator: str | None, configured: str | None, wanted: bool) -> None:  # noqa: FBT001
    for command in ("add", "remove"):
        asked = replace(request(), generator=generator, command=command, layout="other")
        assert isinstance(decision(asked, configured), Build | Remove) == wanted


def test_a_generator_that_is_not_ours_is_named() -> None:
    assert decision(request(INITRD_GENERATOR="dracut")) == Nothing(
        "the initrd generator is dracut, not aoeinit"
    )
    assert decision(request(INITRD_GENERATOR="")) == Nothing("the initrd generator is not set, not aoeinit")


def test_bls_takes_the_image_from_the_staging_area_to_the_entry_folder() -> None:
    assert decision(request()) == Build(
        RELEASE,
        STAGED,
        booted=ENTRY / "initrd",
        copies=((ENTRY / "linux", (KERNEL,)), (ENTRY / "initrd", (STAGED,))),
    )


def test_uki_takes_the_image_from_the_staging_area_into_one_file_with_the_kernel() -> None:
    unified = Path(f"/boot/EFI/Linux/debian-{RELEASE}.efi")
    assert decision(request(LAYOUT="uki")) == Build(
        RELEASE, STAGED, booted=unified, copies=((unified, (KERNEL, STAGED)),), overhead=UKI_OVERHEAD
    )


@pytest.mark.parametrize("layout", ["other", "grub", ""])
def test_any_other_layout_has_the_image_in_boot_under_the_name_of_the_distribution(layout: str) -> None:
    image = Path("/boot") / IMAGE_NAME
    assert decision(request(LAYOUT=layout)) == Build(RELEASE, image, booted=image)
    assert decision(request("remove", RELEASE, str(ENTRY), LAYOUT=layout)) == Remove(image)


@pytest.mark.parametrize("layout", ["bls", "uki"])
def test_kernel_install_itself_removes_what_was_copied(layout: str) -> None:
    assert isinstance(decision(request("remove", RELEASE, str(ENTRY), LAYOUT=layout)), Nothing)


def test_who_brings_an_image_gets_none() -> None:
    given = request("add", RELEASE, str(ENTRY), str(KERNEL), "/my/initrd")
    assert decision(given) == Nothing("an image was given: /my/initrd")
    assert isinstance(decision(request(IMAGE_TYPE="uki")), Nothing)
    assert isinstance(decision(request(IMAGE_TYPE="pe")), Build)


def test_an_unknown_command_asks_for_nothing() -> None:
    assert decision(request("inspect", RELEASE)) == Nothing("'inspect' is neither add nor remove")


def test_a_staged_layout_without_a_staging_area_is_refused() -> None:
    with pytest.raises(ConfigError, match="layout bls without a staging area"):
        decision(request(STAGING_AREA=""))


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        (f"debian-{RELEASE}.conf", True),
        (f"0123-{RELEASE}.conf", True),
        (f"0123-{RELEASE}+3.conf", True),
        (f"0123-{RELEASE}+3-1.conf", True),
        (f"0123-{RELEASE}~debug.conf", True),
        (f"0123-{RELEASE}0.conf", False),
        (f"0123-{RELEASE}+debug.conf", False),
        (f"4567-{RELEASE}.conf", False),
        ("0123-0-rescue.conf", False),
        (f"0123-{RELEASE}.conf.rpmsave", False),
    ],
)
def test_which_entries_are_the_kernels(name: str, ours: bool) -> None:  # noqa: FBT001
    assert is_entry(name, request()) == ours


def test_without_a_token_no_entry_is_ours() -> None:
    assert not is_entry(f"-{RELEASE}.conf", replace(request(), tokens=()))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"linux /vmlinuz\ninitrd /{IMAGE_NAME}\n", True),
        (f"initrd\t/boot/{IMAGE_NAME} \n", True),
        (f"initrd /microcode.img /{IMAGE_NAME}\n", True),
        (f"# initrd /{IMAGE_NAME}\n", False),
        (f"initrd /{IMAGE_NAME}.old\n", False),
        ("linux /vmlinuz\n", False),
    ],
)
def test_whether_an_entry_names_the_image(text: str, named: bool) -> None:  # noqa: FBT001
    assert names_image(text, Path("/boot") / IMAGE_NAME) == named
