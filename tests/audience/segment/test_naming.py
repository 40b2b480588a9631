"""Names: telling, unique, and slugs that stand in file names."""

import re

from hypothesis import given
from hypothesis import strategies as st

from omnimix.audience.segment.naming import Portrait, in_sentence, names, slug

COLUMNS = (
    "units_per_line", "average_order_minor", "median_price_minor", "lines_per_order", "orders",
    "discount_share", "return_share",
)  # fmt: skip


def portrait(*, leaning=(), recency=60.0, orders=2.0, abroad=0.0, **apart: float) -> Portrait:
    return Portrait({c: apart.get(c, 0.0) for c in COLUMNS}, leaning, recency, 60.0, orders, 2.0, abroad, 0.1)


def test_what_sets_apart_is_in_the_name() -> None:
    told = names(
        (
            portrait(recency=200, orders=1),
            portrait(recency=10, orders=9),
            portrait(units_per_line=2.0),
            portrait(leaning=(("Christmas", 0.4),), recency=20),
            portrait(average_order_minor=0.9),
            portrait(abroad=0.9),
        )
    )
    assert [n.name for n in told] == [
        "Lapsed one-time buyers",
        "Loyal regulars",
        "Bulk buyers",
        "Recent Christmas shoppers",
        "Occasional buyers with big baskets",
        "Overseas buyers",
    ]
    assert told[3].key == "recent-christmas-shoppers"


portraits = st.builds(
    portrait,
    leaning=st.sampled_from([(), (("Kitchen & baking", 0.2),), (("Ü", 0.3),)]),
    recency=st.floats(0, 400),
    orders=st.integers(0, 20).map(float),
    units_per_line=st.floats(-2, 3),
    average_order_minor=st.floats(-2, 3),
    lines_per_order=st.floats(-2, 3),
)


@given(st.lists(portraits, min_size=1, max_size=8))
def test_names_are_unique_slugs_whatever_the_portraits(many: list[Portrait]) -> None:
    told = names(many + many)
    assert len({n.name for n in told}) == len({n.key for n in told}) == 2 * len(many)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", n.key) for n in told)
    assert names(many + many) == told


def test_headings_inside_a_sentence() -> None:
    assert in_sentence("Kitchen & Baking") == "kitchen & baking"
    assert in_sentence("Christmas decorations") == "Christmas decorations"
    assert in_sentence("T-shirts") == "T-shirts"
    assert in_sentence("DIY") == "DIY"
    assert slug("Käse & Wein!") == "k-se-and-wein"
