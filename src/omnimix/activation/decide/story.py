"""Stories: which step of a sequence a person has reached, told by what they saw, clicked and bought.

in   `[[stories]]` of a campaign's file, a State, the instant
out  Story, Step; the step a person is at, or None once the story is over for them

Nothing is stored of a story: a person entered it when first shown its first step, and everything else follows
from what online state knows of the variants, so that a story can be changed while it runs.
"""

from omnimix.core.record import config


@config
class Step:
    """One step. `variants` are what it may show; empty: the variants of the campaign that carry its number.

    A person goes on to the next step once what is said here holds, all of it: `seen` so many times, `clicked`,
    `waited` so many days since this step was first seen. What is left out is not asked for; a step that asks for
    nothing is left once seen.
    """

    variants: tuple[str, ...] = ()  # variant ids
    brief: str = ""  # or: all variants of this brief with the step's number
    seen: int = 0
    clicked: bool = False
    waited: float = 0.0  # days


@config
class Story:
    """One story. `enters`: an event that must have happened within 28 days before a person gets its first step;
    empty: nothing is asked. It ends for who bought (`ends_on_purchase`), did one of `exits` since entering, or
    entered more than `days` ago.
    """

    key: str
    steps: tuple[Step, ...]
    enters: str = ""
    exits: tuple[str, ...] = ()  # event names
    ends_on_purchase: bool = True
    days: float = 60.0
    segments: tuple[str, ...] = ()  # whom it is told; empty: everybody
