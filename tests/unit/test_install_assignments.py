import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.install.assignments import value_of, with_value, without

KEY = "initrd_generator"

TEXTS = (
    (b"", None),
    (b"#initrd_generator=dracut\n", None),
    (b"layout=bls\n", None),
    (b"initrd_generator=dracut\n", "dracut"),
    (b"  initrd_generator = dracut  \n", "dracut"),
    (b"initrd_generator='dracut'\nlayout=bls", "dracut"),
    (b"initrd_generator=dracut\ninitrd_generator=booster\n", "booster"),
    (b"initrd_generator=\n", ""),
    (b"uki_initrd_generator=x\n", None),
)


@pytest.mark.parametrize(("text", "value"), TEXTS)
def test_the_last_line_of_a_key_counts(text: bytes, value: str | None) -> None:
    assert value_of(text, KEY) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", b"initrd_generator=aoeinit\n"),
        (b"layout=bls", b"layout=bls\ninitrd_generator=aoeinit\n"),
        (b"# a\ninitrd_generator=dracut\nlayout=bls\n", b"# a\ninitrd_generator=aoeinit\nlayout=bls\n"),
        (b'initrd_generator="aoeinit"\n', b'initrd_generator="aoeinit"\n'),
    ],
)
def test_only_the_line_of_the_key_is_written(text: bytes, expected: bytes) -> None:
    assert with_value(text, KEY, "aoeinit") == expected


LINES = st.one_of(
    st.sampled_from(
        [b"initrd_generator=dracut", b" initrd_generator = x ", b"#initrd_generator=y", b"layout=bls", b""]
    ),
    st.binary(max_size=20).filter(lambda line: b"\n" not in line),
)
FILES = st.builds(lambda lines, end: b"\n".join(lines) + end, st.lists(LINES), st.sampled_from([b"", b"\n"]))


@given(FILES)
def test_setting_a_key_keeps_every_other_line(text: bytes) -> None:
    after = with_value(text, KEY, "aoeinit")
    assert value_of(after, KEY) == "aoeinit"
    assert with_value(after, KEY, "aoeinit") == after
    if value_of(text, KEY) is None:
        assert after.startswith(text)
        assert without(after, KEY).rstrip(b"\n") == text.rstrip(b"\n")
    else:
        differing = [
            (old, new) for old, new in zip(text.split(b"\n"), after.split(b"\n"), strict=True) if old != new
        ]
        assert all(new == b"initrd_generator=aoeinit" for _, new in differing)
        assert len(differing) <= 1


@given(FILES, st.sampled_from(["dracut", "x"]))
def test_setting_a_key_back_gives_the_same_bytes(text: bytes, value: str) -> None:
    plain = with_value(text, KEY, value)
    if plain != text:
        assert with_value(with_value(plain, KEY, "aoeinit"), KEY, value) == plain
