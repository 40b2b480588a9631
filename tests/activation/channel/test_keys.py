"""Keys of resources stay within what every channel can carry, however long a segment's name is."""

from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.channel.desired import LONGEST_KEY, key_of, shortened

NAMES = st.text("abcdefghij-", min_size=1, max_size=120)


@given(NAMES, st.sampled_from(["autumn_gifts/search", "a-campaign-with-a-rather-long-key/display"]))
def test_a_long_brief_leaves_room_for_its_ads(brief: str, root: str) -> None:
    group = key_of(root, shortened(brief, LONGEST_KEY - len(root) - 14))
    assert len(key_of(group, "x" * 100)) <= LONGEST_KEY


@given(NAMES, NAMES)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (shortened(one, 20) == shortened(other, 20)) == (one == other)


def test_a_short_name_stays() -> None:
    assert shortened("loyal-regulars", 28) == "loyal-regulars"
