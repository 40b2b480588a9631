"""Rule segments made of each other: each comes after those it needs, or an error says why not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnimix.audience.segment.definition import Definition, in_order, named, of_value
from omnimix.core.errors import InvalidInput


@given(st.permutations(range(6)), st.data())
@settings(max_examples=25)
def test_each_segment_comes_after_those_it_names(numbers: list[int], data: st.DataObject) -> None:
    rules = {}
    for n in numbers:
        others = data.draw(st.sets(st.integers(0, n - 1))) if n else set()
        rules[f"s{n}"] = Definition(when=("orders >= 1", *(f"in:s{o}" for o in sorted(others))))
    order = in_order(rules)
    assert sorted(order) == sorted(rules)
    for n in numbers:
        for clause in rules[f"s{n}"].clauses()[0]:
            if clause.text.startswith("in:"):
                assert order.index(clause.text.removeprefix("in:")) < order.index(f"s{n}")


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"a": Definition(when=("in:b",)), "b": Definition(none=("in:a",))}, "defined by each other: a → b → a"),
        ({"a": Definition(any=("not in:a",))}, "a → a"),
        ({"a": Definition(when=("in:vip",))}, "in:vip names no rule segment"),
        ({"a": Definition()}, "it has no condition"),
        ({"VIP!": Definition(when=("orders >= 1",))}, "is no key"),
        ({"a": Definition(when=("orders >= 1",), any=("ordrs >= 2",))}, "segments.rules.a.any"),
    ],
)
def test_faults_are_named(rules: dict[str, Definition], says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        in_order(rules)
    assert says in str(raised.value)


def test_what_needs_value_is_found_through_others() -> None:
    rules = {
        "worth-it": Definition(when=("in:likely", "orders >= 2")),
        "likely": Definition(when=("p_buy >= 0.5",)),
        "plain": Definition(when=("orders >= 2",)),
    }
    assert of_value(rules) == {"likely", "worth-it"}


def test_a_definition_reads_as_a_sentence() -> None:
    rule = Definition(when=("orders >= 5",), any=("visits >= 2", "in:vip"), none=("country = FR",))
    assert rule.text == "orders >= 5 and any of (visits >= 2; in:vip) and none of (country = FR)"
    assert named("win-back", rule) == "Win back"
    assert named("win-back", Definition(name="Come back!", when=("orders >= 1",))) == "Come back!"
