"""Stories: which step of a sequence a person has reached, told by what they saw, clicked, bought and waited.

in   `[[stories]]` of a campaign's file, its variants, a State, the instant
out  Story, Step; the step a person is at, or None where the story is not, or no longer, for them

Nothing is stored of a story: a person entered it when first shown its first step, and everything else follows
from what online state knows of the variants, so that a story can be changed while it runs.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from omnimix.activation.decide.state import COUNT_DAYS, DAY_US, State, count
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class Step:
    """One step. What it may show: `variants` by id; else those of `brief` that carry its number; else all that do.

    A person goes on to the next step once all that is said here holds: `seen` so many times, `clicked`, `bought`
    since entering, `waited` so many days since the step was first seen. A step must always have been seen.
    """

    variants: tuple[str, ...] = ()  # variant ids
    brief: str = ""
    seen: int = 1
    clicked: bool = False
    bought: bool = False
    waited: float = 0.0  # days

    def __post_init__(self) -> None:
        if self.seen < 1:
            raise InvalidInput("a step must have been seen", where="stories.steps.seen", fix="give 1 or more")
        if self.waited < 0:
            raise InvalidInput("time does not go back", where="stories.steps.waited", fix="give 0 or more days")


@config
class Story:
    """One story. `enters`: an event of the last 28 days without which nobody gets the first step; empty: everybody
    may. It ends `days` after entering, after an event in `exits`, and for who bought, unless a step asks for it.
    """

    key: str
    steps: tuple[Step, ...]
    enters: str = ""
    exits: tuple[str, ...] = ()
    days: float = 60.0
    segments: tuple[str, ...] = ()  # whom it is told; empty: everybody

    def __post_init__(self) -> None:
        where = f"stories.{self.key}"
        if not self.steps:
            raise InvalidInput("the story has no steps", where=where, fix="add [[stories.steps]]")
        if self.days <= 0:
            raise InvalidInput(f"it ends after {self.days:g} days", where=f"{where}.days", fix="give more than 0")


def placed(story: Story, variants: Iterable[tuple[str, str, int]]) -> Story:
    """The story with the variants of each step named. `variants`: (id, brief, number) of all in the campaign.

    Raises InvalidInput for a step that names a variant there is none of, or comes to nothing.
    """
    known = list(variants)
    ids = {variant for variant, _brief, _number in known}
    steps = []
    for number, step in enumerate(story.steps):
        where = f"stories.{story.key}: step {number + 1}"
        strange = sorted(set(step.variants) - ids)
        if strange:
            raise InvalidInput(f"there is no variant {strange[0]!r}", where=where, fix="omnimix review list")
        mine = step.variants or tuple(v for v, b, n in known if n == number and step.brief in ("", b))
        if not mine:
            raise InvalidInput("no variant belongs to it", where=where, fix="name variants or a brief")
        steps.append(replace(step, variants=mine))
    return replace(story, steps=tuple(steps))


def step_of(story: Story, state: State, now_us: int) -> int | None:
    """The 0-based step a person is at, of a story whose steps name their variants; None: it is not for them."""
    if story.segments and state.segment not in story.segments:
        return None
    entered = _first_seen(story.steps[0], state)
    if not entered:
        may = not story.enters or count(state, story.enters, COUNT_DAYS, now_us) > 0
        return 0 if may else None
    if now_us - entered > story.days * DAY_US or any(_since(state, name, entered) for name in story.exits):
        return None
    bought = state.ordered_us >= entered
    if bought and not any(step.bought for step in story.steps):
        return None
    for number, step in enumerate(story.steps):
        if not _is_done(step, state, bought=bought, now_us=now_us):
            return number
    return None


def told(stories: Sequence[Story], state: State, now_us: int) -> tuple[Story, int] | None:
    """The first story that is for this person, and the step they are at."""
    for story in stories:
        step = step_of(story, state, now_us)
        if step is not None:
            return story, step
    return None


def _is_done(step: Step, state: State, *, bought: bool, now_us: int) -> bool:
    engaged = [state.engaged[v] for v in step.variants if v in state.engaged]
    first = _first_seen(step, state)
    return (
        bool(first)
        and sum(e[0] for e in engaged) >= step.seen
        and (not step.clicked or any(e[3] for e in engaged))
        and (not step.bought or bought)
        and now_us - first >= step.waited * DAY_US
    )


def _first_seen(step: Step, state: State) -> int:
    """When the step was first seen, µs; 0: never."""
    return min((e[1] for v in step.variants if (e := state.engaged.get(v)) and e[1]), default=0)


def _since(state: State, name: str, entered: int) -> bool:
    """Whether an event of that name happened since `entered`: on a later day, or among the newest events."""
    later = any(day > entered // DAY_US for day in state.counts.get(name, {}))
    return later or any(at >= entered and name == seen for at, _tie, seen in state.path)
