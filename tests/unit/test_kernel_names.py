import pytest

from aoeinit.kernel.names import module_name, normalised_alias, uncompressed_path


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("aoe", "aoe"),
        ("xen-netfront", "xen_netfront"),
        ("aoe.ko", "aoe"),
        ("kernel/drivers/block/aoe/aoe.ko", "aoe"),
        ("kernel/drivers/net/xen-netfront.ko.xz", "xen_netfront"),
        ("snd-soc.ko.zst", "snd_soc"),
        ("8021q.ko.gz", "8021q"),
        ("odd.gz", "odd.gz"),
    ],
)
def test_a_module_has_one_name_however_it_is_written(given: str, name: str) -> None:
    assert module_name(given) == name


@pytest.mark.parametrize("suffix", ["", ".gz", ".xz", ".zst"])
def test_an_unpacked_copy_loses_the_compression_suffix_only(suffix: str) -> None:
    assert uncompressed_path(f"kernel/a-b.ko{suffix}") == "kernel/a-b.ko"


@pytest.mark.parametrize(
    ("given", "normalised"),
    [
        ("crypto-crc32c", "crypto_crc32c"),
        ("usb:v0B95p17*dc[0-9]ic-", "usb:v0B95p17*dc[0-9]ic_"),
        ("a-[b-c]-[d-e]-f", "a_[b-c]_[d-e]_f"),
        ("a-[b-c", "a_[b-c"),
    ],
)
def test_a_dash_in_an_alias_is_an_underscore_but_in_brackets_a_range(given: str, normalised: str) -> None:
    assert normalised_alias(given) == normalised
