import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoeinit.aoe.target import MAX_SHELF, MAX_SLOT, Target
from aoeinit.errors import ConfigError


@given(st.builds(Target, st.integers(0, MAX_SHELF), st.integers(0, MAX_SLOT)))
def test_a_name_and_its_target_are_the_same_thing(target: Target) -> None:
    assert Target.parse(str(target)) == target


def test_a_target_is_shelf_and_slot() -> None:
    assert Target.parse("e11.0") == Target(shelf=11, slot=0)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "11.0",
        "e11",
        "e11.",
        "e.0",
        "e11.0p1",
        "E11.0",
        " e11.0",
        "e11.0\n",
        "e1\u0661.0",
        "/dev/etherd/e11.0",
    ],
)
def test_what_is_no_target_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Target.parse(name)
    assert repr(name) in caught.value.message
    assert "e11.0" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["e65535.0", "e99999.0", "e11.255", "e11.999"])
def test_broadcast_and_larger_addresses_are_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Target.parse(name)
    assert "65534" in str(caught.value.hint)
