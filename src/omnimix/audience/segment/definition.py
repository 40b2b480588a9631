"""Rule segments: segments that a person defines, made of conditions and of each other.

in   the [segments.rules.*] tables of omnimix.toml, or Definitions made in Python
out  Definitions, checked and in an order in which each comes after those it speaks of
"""

import re
from collections.abc import Mapping

from omnimix.audience.segment.clause import VALUES, Clause, Compared, Member, read_clause
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config

_KEY = re.compile(r"[a-z][a-z0-9-]*")


@config
class Definition:
    """One rule segment: who meets all of `when`, one of `any` (where there is any) and none of `none`.

    `claims`: its people are in no cluster, and in no later rule segment as far as the ladder is concerned. Without
    it the segment is a list beside the ladder.
    """

    name: str = ""  # for people to read; made from the key where it is empty
    when: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    claims: bool = True

    def clauses(self, key: str = "") -> tuple[tuple[Clause, ...], tuple[Clause, ...], tuple[Clause, ...]]:
        """The conditions of `when`, `any` and `none`, read. Raises InvalidInput for one that cannot be."""
        where = f"segments.rules.{key}" if key else "segments.rules"
        when, some, none = (
            tuple(read_clause(text, where=f"{where}.{part}") for text in texts)
            for part, texts in (("when", self.when), ("any", self.any), ("none", self.none))
        )
        return when, some, none

    @property
    def text(self) -> str:
        """The rule as a sentence."""
        parts = [*self.when]
        if self.any:
            parts.append(f"any of ({'; '.join(self.any)})" if len(self.any) > 1 else self.any[0])
        if self.none:
            parts.append(f"none of ({'; '.join(self.none)})")
        return " and ".join(parts)


def named(key: str, definition: Definition) -> str:
    """What people call the segment."""
    return definition.name or key.replace("-", " ").capitalize()


def in_order(definitions: Mapping[str, Definition]) -> tuple[str, ...]:
    """The keys, each after those its definition names with `in:`, else as they stand in the file.

    Raises InvalidInput for a key that cannot be one, an empty definition, a condition that cannot be read, a
    segment that is not defined, and segments that are defined by each other.
    """
    needs = {}
    for key, definition in definitions.items():
        where = f"segments.rules.{key}"
        if not _KEY.fullmatch(key):
            raise InvalidInput(f"{key!r} is no key", where=where, fix="use small letters, digits and hyphens")
        if not (definition.when or definition.any or definition.none):
            raise InvalidInput("it has no condition", where=where, fix='write when = ["orders >= 5"]')
        needs[key] = _named_in(key, definition)
        for other in needs[key]:
            if other not in definitions:
                there = ", ".join(sorted(definitions))
                raise InvalidInput(
                    f"in:{other} names no rule segment", where=where, fix=f"there are: {there}; or define {other}"
                )
    order: list[str] = []
    for key in definitions:
        _visit(key, needs, order, ())
    return tuple(order)


def _named_in(key: str, definition: Definition) -> tuple[str, ...]:
    clauses = (c for part in definition.clauses(key) for c in part)
    return tuple(c.asks.segment for c in clauses if isinstance(c.asks, Member))


def _visit(key: str, needs: Mapping[str, tuple[str, ...]], order: list[str], trail: tuple[str, ...]) -> None:
    if key in order:
        return
    if key in trail:
        circle = " → ".join((*trail[trail.index(key) :], key))
        raise InvalidInput(
            f"segments are defined by each other: {circle}",
            where=f"segments.rules.{key}",
            fix="take one in: out of the circle",
        )
    for other in needs[key]:
        _visit(other, needs, order, (*trail, key))
    order.append(key)


def of_value(definitions: Mapping[str, Definition]) -> frozenset[str]:
    """Keys of the rule segments that need the fact `value`, directly or through another segment."""
    found: set[str] = set()
    for key in in_order(definitions):
        for clause in (c for part in definitions[key].clauses(key) for c in part):
            asks = clause.asks
            direct = isinstance(asks, Compared) and asks.column in VALUES
            if direct or (isinstance(asks, Member) and asks.segment in found):
                found.add(key)
    return frozenset(found)
