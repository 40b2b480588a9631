"""Lint: what no line of copy may break, whoever wrote it.

in   one line, its limit, and the spellings that are right as they stand
out  the faults found, in words; empty when the line is clean
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from omnimix.creative.brief.lexicon import ACRONYMS, PROPER
from omnimix.creative.brief.noun import article, is_plural
from omnimix.creative.copy.columns import columns

_WORD = re.compile(r"(?<!\d)[^\W\d_][\w'’-]*")
_DANGLING = frozenset("a an the and or our your my their than but nor if".split())  # noqa: SIM905
_STOCK_CODE = re.compile(r"(?<![\w£$€¥.,])(?:\d{5,}[A-Za-z]*|(?=[A-Za-z]*\d{3,})[A-Za-z]+\d{3,}[A-Za-z]*)(?!\w)")
_SAME_TWICE = re.compile(r"\b([^\W\d]+) \1\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class House:
    """Spellings that are right as they stand: capitals inside a sentence, whole tokens such as an offer's code."""

    capitals: frozenset[str] = frozenset()
    tokens: frozenset[str] = field(default=frozenset())


def faults(line: str, *, limit: int, sentence: bool, house: House) -> tuple[str, ...]:
    """Every fault of `line`. `sentence` asks for whole sentences with their stops; else a headline without one."""
    if columns(line) > limit:
        return (f"wider than {limit} columns",)
    return _faults(line, sentence, house)


@lru_cache(maxsize=65536)
def _faults(line: str, sentence: bool, house: House) -> tuple[str, ...]:
    found = [fault for rule in _RULES for fault in rule(line, house)]
    found += _ending(line, sentence)
    return tuple(found)


def _spacing(line: str, _house: House) -> Iterable[str]:
    if not line or line != line.strip() or "  " in line or not line.isprintable():
        yield "empty, or with stray white space or control characters"
    if re.search(r"\s[,.;:!?]|[,;:](?=[^\W\d])", line):
        yield "a stop in the wrong place"
    if re.search(r"\.{2,}|…|[!?]{2,}|,,|[.,;:]{2}", line):
        yield "doubled stops or an ellipsis"
    if re.search(r"[{}\[\]<>|_\\^~]", line):
        yield "a sign that belongs to a template"
    if line.count("(") != line.count(")") or line.count("“") != line.count("”") or line.count('"') % 2:
        yield "a bracket or quotation mark without its partner"


def _doubled(line: str, _house: House) -> Iterable[str]:
    match = _SAME_TWICE.search(line)
    if match:
        yield f"the word {match.group(1)!r} twice"


def _articles(line: str, _house: House) -> Iterable[str]:
    for match in re.finditer(r"\b(a|an) ([\w'’-]+)", line, re.IGNORECASE):
        if match.group(1).lower() != article(match.group(2)):
            yield f"{match.group()!r} has the wrong article"


def _agreement(line: str, _house: House) -> Iterable[str]:
    for match in re.finditer(r"\b(a|an|this|every|each|another) ([\w'’-]+)(?=$|[.,;:?!])", line, re.IGNORECASE):
        if is_plural(match.group(2)):
            yield f"{match.group()!r} does not agree"
    for match in re.finditer(r"\b(these|those|many|few|several) ([\w'’-]+)(?=$|[.,;:?!])", line, re.IGNORECASE):
        if re.fullmatch(r"[a-z-]+[^s]", match.group(2)) and is_plural(match.group(2) + "s"):
            yield f"{match.group()!r} does not agree"


def _capitals(line: str, house: House) -> Iterable[str]:
    first = next((c for c in line if c.isalnum()), "")
    opening = line.split(" ", 1)[0].strip(",.:;?!“”\"'()")
    if first.isalpha() and first.islower() and opening not in house.capitals:
        yield "does not begin with a capital"
    for match in _WORD.finditer(line):
        word = match.group()
        bare = re.sub(r"['’]s$", "", word).rstrip("'’-")
        if not any(c.isupper() for c in bare) or bare in house.tokens or word in house.tokens:
            continue
        known = bare in house.capitals or word in house.capitals or PROPER.get(bare.lower()) == bare
        shouting = len(bare) > 1 and bare.isupper()
        if known or bare in ACRONYMS or bare.partition("-")[0] in ACRONYMS:
            continue
        if shouting:
            yield f"{bare!r} is in capitals"
        elif any(c.isupper() for c in bare[1:]) or not _opens_sentence(line, match.start()):
            yield f"{bare!r} has a stray capital"


def _opens_sentence(line: str, at: int) -> bool:
    before = line[:at].rstrip("“\"'‘( ")
    return not before or before[-1] in ".?!" or line[at - 1] in '“"‘'


def _codes(line: str, house: House) -> Iterable[str]:
    for match in _STOCK_CODE.finditer(line):
        if match.group() not in house.tokens:
            yield f"{match.group()!r} looks like a stock code"


_Rule = Callable[[str, House], Iterable[str]]
_RULES: tuple[_Rule, ...] = (_spacing, _doubled, _articles, _agreement, _capitals, _codes)


def _ending(line: str, sentence: bool) -> Iterable[str]:
    last = line.rstrip('.?!”"').rsplit(" ", 1)[-1].lower()
    if last in _DANGLING or line.endswith(("-", "–", "—", ",", ":", ";", "&", "/")):
        yield "breaks off"
    if sentence and not line.endswith((".", "?", ".”", "?”")):
        yield "does not end like a sentence"
    if not sentence and line.endswith((".", "!", ".”")):
        yield "ends in a stop, as a headline should not"
    if line.count("!") > 0:
        yield "shouts with an exclamation mark"
