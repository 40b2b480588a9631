"""Conditions of a ground: what limits it and must be told with it.

in   what a text says, a ground
out  the condition that the text leaves out, in words
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from omnimix.creative.ledger.arithmetic import MONEY, reaches
from omnimix.creative.ledger.ground import Ground
from omnimix.creative.ledger.meaning import CONDITIONS, EVERY, KINDS, Bound, Quantity, Token

LIMITED = frozenset({"returns", "refund", "guarantee", "repair"})  # what a time limit belongs to
_TIMES = frozenset({"day", "night", "hour", "year"})
_GENERIC = EVERY | CONDITIONS | {"free"}
_WHOLE = frozenset({"order", "parcel", "purchase", "delivery", "product"})  # "every order" is no kind of product
_BEFORE = re.compile(r"\b(?:by|before)\s+\d{1,2}(?:[.:]\d\d)?\s?[ap]m\b", re.IGNORECASE)
_YEAR = 1000  # a plain number from here on is a year or a large count, not a number of pieces


@dataclass(frozen=True, slots=True)
class Spoken:
    """A phrase's own tokens, all words and quantities of its text, the names of the products, their worth."""

    own: tuple[Token, ...]
    words: frozenset[str]
    quantities: tuple[Quantity, ...]
    names: tuple[frozenset[str], ...]
    worth: float


def left_out(spoken: Spoken, ground: Ground) -> str | None:
    """Which condition of the ground the text does not name; None where it names all."""
    words = sorted((ground.meaning.stems & CONDITIONS) - spoken.words - {"only"})
    if words:
        return f"the condition {words[0]!r} is left out"
    for quantity in ground.meaning.quantities:
        if not is_threshold(quantity) or reaches(spoken.worth, quantity):
            continue
        if not any(no_wider(q, quantity) for q in spoken.quantities):
            return f"the condition '{quantity.bound} {quantity.unit}{quantity.value:g}' is left out"
    return _limit(spoken, ground) or (None if ground.about else _scope(spoken, ground))


def _limit(spoken: Spoken, ground: Ground) -> str | None:
    """A time ("within 45 days", "by 2pm") or a count ("five jars") that the text does not tell."""
    known = ground.meaning.quantities
    timed = any(q.unit in _TIMES for q in known) and ground.meaning.stems & LIMITED
    if timed and not any(q.unit in _TIMES for q in spoken.quantities):
        return f"its time limit is left out: {ground.text!r}"
    if _BEFORE.search(ground.text) and not any(q.unit == "" for q in spoken.quantities):
        return f"its last hour is left out: {ground.text!r}"
    counts = [q for q in known if q.unit == "" and 1 < q.value < _YEAR]
    paid = any(t.stem == "free" or (t.quantity and t.quantity.unit in MONEY) for t in spoken.own)
    if ground.about is None and counts and paid and not any(q in spoken.quantities for q in counts):
        return f"the number it asks for is left out: {ground.text!r}"
    return None


def _scope(spoken: Spoken, ground: Ground) -> str | None:
    """That a ground of one kind of product ("every jacket", "our skincare") is used for another, or for none."""
    stems = [t.stem for t in ground.meaning.tokens if t.stem]
    after = {b for a, b in pairwise(stems) if a == "every"} - _WHOLE
    for kind in sorted(after | (ground.meaning.stems & KINDS.keys())):
        ends = [name | {k for k, of in KINDS.items() if of & name} for name in spoken.names]
        if kind not in spoken.words and not (ends and all(kind in name for name in ends)):
            return f"it is said of {kind!r} only: {ground.text!r}"
    only_free = {t.stem for t in spoken.own if t.stem} == {"free"}
    if only_free and not spoken.words & (ground.meaning.stems - _GENERIC):
        return f"something else is free: {ground.text!r}"
    return None


def is_threshold(quantity: Quantity) -> bool:
    """Whether a quantity is an amount to spend, or not to."""
    return quantity.unit in MONEY and quantity.bound in (Bound.OVER, Bound.LEAST, Bound.UNDER, Bound.MOST)


def no_wider(told: Quantity, condition: Quantity) -> bool:
    """Whether a told threshold promises no more than the condition does."""
    if told.unit != condition.unit:
        return False
    if condition.bound in (Bound.OVER, Bound.LEAST):
        strict = told.value == condition.value and told.bound is condition.bound
        return strict or (told.bound in (Bound.OVER, Bound.LEAST) and told.value > condition.value)
    return told == condition
