"""The seam where a language model, or a person's own program, takes the place of the template.

in   what may be said: a segment's name and its supported statements, by number
out  sentences, each naming the statements it rests on
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Fact:
    """One supported statement as a narrator sees it: aggregate words and figures, never a person's."""

    key: str  # s1, s2 …
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the keys of the facts it rests on."""

    text: str
    facts: tuple[str, ...]


class Narrator(Protocol):
    """Anything that can tell a few facts in a paragraph. What it says is checked before anybody reads it."""

    name: str

    def tell(self, name: str, facts: Sequence[Fact]) -> tuple[Sentence, ...]:
        """A few sentences about the segment `name`, from `facts` alone.

        Raises Unavailable when it cannot answer, InvalidInput when its answer cannot be read.
        """
        ...
