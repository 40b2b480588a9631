"""Stories: a person goes through the steps as they see, click, buy and wait."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.activation.decide.grow import updated
from omnimix.activation.decide.state import DAY_US, Event, State
from omnimix.activation.decide.story import Step, Story, placed, step_of, told
from omnimix.core.errors import InvalidInput

T0 = 20_000 * DAY_US
STORY = Story(
    key="welcome",
    steps=(
        Step(variants=("hello",), seen=2),
        Step(variants=("proof", "proof-b"), clicked=True),
        Step(variants=("offer",), waited=3),
    ),
    exits=("Unsubscribed",),
    days=30,
)


def after(*told_: tuple[str, str, float]) -> State:
    state = State("p", segment="gifts")
    for number, (name, variant, days) in enumerate(told_):
        at = T0 + int(days * DAY_US)
        state = updated(state, Event(f"e{number}", name, at, variant=variant))
    return state


def step(*told_: tuple[str, str, float], now: float = 10, story: Story = STORY) -> int | None:
    return step_of(story, after(*told_), T0 + int(now * DAY_US))


SEEN = [("Ad Viewed", "hello", 1.0), ("Ad Viewed", "hello", 2.0)]
CLICKED = [*SEEN, ("Ad Viewed", "proof-b", 3.0), ("Ad Clicked", "proof-b", 3.1)]


def test_steps_follow_what_was_seen_clicked_and_waited() -> None:
    assert step() == 0
    assert step(SEEN[0]) == 0
    assert step(*SEEN) == 1
    assert step(*SEEN, ("Ad Viewed", "proof", 3)) == 1
    assert step(*CLICKED) == 2
    assert step(*CLICKED, ("Email Opened", "offer", 9)) == 2
    assert step(*CLICKED, ("Email Opened", "offer", 5)) is None


def test_it_ends_by_time_exit_and_purchase() -> None:
    assert step(*SEEN, now=32) is None
    assert step(*SEEN, ("Unsubscribed", "", 4)) is None
    assert step(("Unsubscribed", "", 0.5), *SEEN) == 1
    assert step(*SEEN, ("Order Completed", "", 4)) is None
    assert step(("Order Completed", "", 0.5), *SEEN) == 1


def test_a_step_may_wait_for_a_purchase() -> None:
    thanks = Story(key="thanks", steps=(Step(variants=("hello",), bought=True), Step(variants=("offer",))))
    assert step(*SEEN, story=thanks) == 0
    assert step(*SEEN, ("Order Completed", "", 4), story=thanks) == 1


def test_who_may_enter() -> None:
    asked = replace(STORY, enters="Product Added")
    assert step(story=asked) is None
    assert step(("Product Added", "", 1), story=asked) == 0
    assert step(("Product Added", "", 1), story=asked, now=40) is None
    assert step(story=replace(STORY, segments=("others",))) is None
    assert told([replace(STORY, segments=("others",)), STORY], after(*SEEN), T0 + 5 * DAY_US) == (STORY, 1)
    assert told([], after(*SEEN), T0) is None


ROW = st.tuples(
    st.sampled_from(["Ad Viewed", "Ad Clicked"]), st.sampled_from(["hello", "proof", "offer"]), st.floats(0, 9)
)


@given(st.lists(ROW, max_size=10))
def test_engaging_more_never_leads_back(rows: list[tuple[str, str, float]]) -> None:
    reached = -1
    for upto in range(len(rows) + 1):
        at = step(*rows[:upto])
        place = len(STORY.steps) if at is None else at
        assert place >= reached
        reached = place


def test_steps_take_their_variants_from_the_campaign() -> None:
    variants = [("broad-a", "broad", 0), ("broad-b", "broad", 1), ("gifts-a", "gifts", 0), ("gifts-b", "gifts", 1)]
    story = Story(key="s", steps=(Step(), Step(brief="gifts")))
    found = placed(story, variants)
    assert [s.variants for s in found.steps] == [("broad-a", "gifts-a"), ("gifts-b",)]
    with pytest.raises(InvalidInput, match="step 3"):
        placed(Story(key="s", steps=(Step(), Step(), Step())), variants)
    with pytest.raises(InvalidInput, match="nobody-knows"):
        placed(Story(key="s", steps=(Step(variants=("nobody-knows",)),)), variants)


def test_nonsense_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no steps"):
        Story(key="s", steps=())
    with pytest.raises(InvalidInput, match="seen"):
        Step(seen=0)
    with pytest.raises(InvalidInput, match="days"):
        Step(waited=-1)
    with pytest.raises(InvalidInput, match="ends after"):
        Story(key="s", steps=(Step(),), days=0)
