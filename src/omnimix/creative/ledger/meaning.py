"""What a sentence says, as far as facts are concerned: its quantities, its words by their stem, its negations.

in   one sentence, the word lists of words.toml
out  Meaning records

Two sentences mean the same here when they have the same quantities and the same words, after synonyms are made
one and words that say nothing of fact are dropped. This is textual entailment by covering (MacCartney and Manning
2007, Natural logic for textual inference): cheap, explainable, and wrong on the side of refusing.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

_LISTS = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))


_NEAR = 0.03  # how far off, as a share, "nearly" and "about" may be


class Bound(StrEnum):
    """How a quantity is meant."""

    EXACT = "exact"
    FROM = "from"  # the lowest of several
    OVER = "over"  # more than
    LEAST = "at least"
    UNDER = "under"  # less than
    MOST = "at most"
    NEAR = "about"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit: ("£", 12.75), ("%", 15), ("day", 30); a plain number has the unit ""."""

    unit: str
    value: float
    bound: Bound = Bound.EXACT

    def follows_from(self, known: "Quantity") -> bool:
        """Whether who knows `known` may say this."""
        if self.unit != known.unit:
            return False
        if self.bound is known.bound:
            return self.value == known.value or (self.bound is Bound.OVER and known.value >= self.value)
        if known.bound is Bound.EXACT:
            return {
                Bound.OVER: known.value > self.value,
                Bound.LEAST: known.value >= self.value,
                Bound.UNDER: known.value < self.value,
                Bound.MOST: known.value <= self.value,
                Bound.NEAR: abs(known.value - self.value) <= _NEAR * self.value,
            }.get(self.bound, False)
        return known.bound is Bound.OVER and self.bound is Bound.LEAST and known.value >= self.value


@dataclass(frozen=True, slots=True)
class Token:
    """A word by its stem, or a quantity; `start` and `end` are its place in the sentence."""

    stem: str  # "" for a quantity
    start: int
    end: int
    quantity: Quantity | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """A sentence's tokens in order, those that say nothing of fact left out."""

    tokens: tuple[Token, ...]

    @property
    def stems(self) -> frozenset[str]:
        """Its words."""
        return frozenset(t.stem for t in self.tokens if t.stem)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Its numbers."""
        return tuple(t.quantity for t in self.tokens if t.quantity)

    @property
    def negations(self) -> frozenset[str]:
        """The words that are denied."""
        return frozenset(t.stem for t in self.tokens if t.stem and t.negated)


_FORMS: dict[str, str] = {form: base for base, forms in _LISTS["forms"].items() for form in forms.split()}


def stem(word: str) -> str:
    """A word without plural, possessive and (for the verbs listed) tense: enough to compare facts and copy."""
    low = word.lower().removesuffix("'s")
    if low in _FORMS:
        return _FORMS[low]
    for ending, back in (("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x")):
        if low.endswith(ending) and len(low) > len(ending) + 1:
            return low.removesuffix(ending) + back
    return low[:-1] if low.endswith("s") and not low.endswith(("ss", "us", "is")) and len(low) > 3 else low


def _words(name: str) -> frozenset[str]:
    return _words_of(_LISTS[name])


def _words_of(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in text.split())


NEUTRAL = _words("neutral")
_NOT = _words("not")
EVERY = _words("every")
BARE = _words("bare")
_SAME = [
    (re.compile(rf"(?<![\w-])(?:{'|'.join(said)})(?![\w-])", re.IGNORECASE), meant)
    for meant, said in _LISTS["same"].items()
]
IMPLIED: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(rule["known"].split()), frozenset(rule["says"].split())) for rule in _LISTS["implied"]
)
CONDITIONS = _words("conditions")
KINDS = {stem(kind): _words_of(names) for kind, names in _LISTS["kinds"].items()}
_ONES = {word: place for place, word in enumerate(_LISTS["ones"].split())}
_TENS = {word: 10 * (place + 2) for place, word in enumerate(_LISTS["tens"].split())}
_UNITS: dict[str, str] = {said: unit for unit, many in _LISTS["units"].items() for said in many.split()}
_BEFORE = [
    (re.compile(rf"(?<![\w-])(?:{said})\s+(?:the |a )?$", re.IGNORECASE), Bound(b))
    for b, said in _LISTS["before"].items()
]
_AFTER = [(re.compile(rf"^\s*(?:{said})(?!\w)", re.IGNORECASE), Bound(b)) for b, said in _LISTS["after"].items()]
_MEASURED: dict[str, tuple[str, float]] = {u: (other, times) for u, (other, times) in _LISTS["measured"].items()}
_SCALE = {"": 1.0, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_PENCE = {"p": 0.01, "pence": 0.01}
_SIGNS = {
    "pound": "£",
    "pounds": "£",
    "p": "£",
    "pence": "£",
    "euro": "€",
    "euros": "€",
    "dollar": "$",
    "dollars": "$",
}
_SPELT = rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES)}))?|(?:{'|'.join(_ONES)}))"
_NAMED = "|".join(u for u in _UNITS if u.isalpha())
_PIECE = re.compile(
    r"(?P<money>[£$€¥]\s?\d[\d,]*(?:\.\d+)?|\d[\d,]*(?:\.\d+)?\s?(?:p|pence|pounds?|euros?|dollars?)\b)"
    rf"|(?:(?P<number>\d[\d,]*(?:\.\d+)?)|(?P<spelt>\b{_SPELT})(?=[\s-][^\W\d_])"
    rf"|(?P<one>(?:(?<=than )|(?<=over )|(?<=under )|(?<=within )|(?<=nearly ))an?)(?=\s(?:{_NAMED})\b))"
    r"(?:(?P<scale>k|m)\b|\s(?P<big>thousand|million)\b)?(?P<plus>\+)?"
    rf"(?P<gap>[\s-]?)(?P<unit>%|per ?cent\b|°\s?c\b|°|(?:{_NAMED})\b)?"
    rf"|(?P<lacking>[^\W\d_]+(?=-free\b)|(?:{'|'.join(_LISTS['lacking'].split())})(?=\sfree\b))[-\s]free\b"
    r"|(?P<code>\b[a-z]+\d[a-z\d]*\b)"
    r"|(?P<word>[^\W\d_]+(?:['][^\W\d_]+)?)",
    re.IGNORECASE,
)
_TIMES = frozenset(
    said for unit in ("day", "night", "week", "hour", "minute") for said in _LISTS["units"][unit].split()
)
_SUBJECTS = frozenset({"is", "are", "it", "they", "can", "has", "have"})
_REACH = 3  # words that a "not" before them denies


@lru_cache(maxsize=65_536)
def meaning_of(text: str) -> Meaning:
    """Read one sentence (or a few)."""
    return Meaning(tuple(t for t in _tokens(text) if t.quantity or t.stem not in NEUTRAL))


def _tokens(text: str) -> Iterator[Token]:
    made, places = _one_word_each(text.replace("’", "'"))
    denied, read, previous = 0, 0, ""
    for match in _PIECE.finditer(made):
        if re.search(r"[.;!?,:]", made[read : match.start()]):
            denied = 0
        read = match.end()
        start, end = places[match.start()], places[match.end() - 1] + 1
        if match.group("lacking"):
            yield Token(stem(match.group("lacking")), start, end, negated=True)
            continue
        word = match.group("word") or match.group("code")
        if word is None:
            yield Token("", start, end, _quantity(made, match))
            continue
        low, earlier = word.lower(), previous
        previous = low
        if low == "but" or (earlier == "and" and low in _SUBJECTS):
            denied = 0  # a new statement begins
        if low in _NOT or low.endswith("n't"):
            denied = _REACH
            continue
        if low == "any" and denied:
            continue  # "without any" says no more than "without"
        yield Token(stem(low), start, end, negated=denied > 0)
        denied = max(0, denied - (stem(low) not in NEUTRAL))


def _quantity(text: str, match: re.Match[str]) -> Quantity:
    before = text[: match.start()]
    bound = _bound(before, text[match.end() :])
    if match.group("money"):
        return Quantity(*_money(match.group("money")), bound)
    scale = (match.group("scale") or match.group("big") or "").lower()
    said = re.sub(r"\s", "", match.group("unit") or "").lower()
    if match.group("plus") and bound is Bound.EXACT:
        bound = Bound.LEAST
    if bound is Bound.FROM or (said not in _TIMES and re.search(r"(?:^|\W)in\s+$", before, re.IGNORECASE)):
        bound = Bound.EXACT  # "from 1,204 reviews" and "in 12 countries" bound nothing
    spelt = match.group("spelt")
    number = _spelt(spelt) if spelt else float((match.group("number") or "1").replace(",", ""))
    unit = "%" if said in ("%", "percent") else _UNITS.get(said, "")
    unit, times = _MEASURED.get(unit, (unit, 1.0))
    return Quantity(unit, round(number * _SCALE[scale] * times, 4), bound)


def _money(text: str) -> tuple[str, float]:
    number = re.search(r"\d[\d,]*(?:\.\d+)?", text)
    name = re.sub(r"[\d\s.,]", "", text.lower())
    value = float(number.group().replace(",", "")) if number else 0.0
    return _SIGNS.get(name, name), round(value * _PENCE.get(name, 1.0), 4)


def _bound(before: str, after: str) -> Bound:
    found = next((b for pattern, b in _AFTER if pattern.search(after)), None)
    return found or next((b for pattern, b in _BEFORE if pattern.search(before)), Bound.EXACT)


def _spelt(text: str) -> float:
    return float(sum(_TENS.get(w, _ONES.get(w, 0)) for w in re.split(r"[- ]", text.lower())))


def _one_word_each(text: str) -> tuple[str, list[int]]:
    """`text` with every synonym as the one word that stands for it, and where each character came from."""
    places = list(range(len(text)))
    for pattern, meant in _SAME:
        made: list[str] = []
        kept: list[int] = []
        read = 0
        for match in pattern.finditer(text):
            made += [text[read : match.start()], meant]
            first, last = places[match.start()], places[match.end() - 1]
            kept += places[read : match.start()] + [first] * (len(meant) - 1) + [last]
            read = match.end()
        if read:
            text, places = "".join(made) + text[read:], kept + places[read:]
    return text, places
