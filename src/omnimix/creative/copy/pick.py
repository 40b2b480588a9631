"""Pick: from many clean lines, a set that is good and in which no line repeats another.

in   lines of one part, a weight for each family, a random generator for ties
out  the chosen lines, the leading one first

Greedy max-min: each next line is the one with the most of quality and distance to all lines already taken
(the greedy 2-approximation of max-min dispersion, Ravi, Rosenkrantz & Tayi 1994, Operations Research
42(2)), distance being one minus the Jaccard overlap of words. No frame gives more than two lines, no kind
of product more than a few, and no two lines begin with the same words.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from omnimix.creative.copy.say import LIMITS, Line, width

PER_FRAME = 2
_NEAR = 0.6  # overlap from which two lines are the same line
_NAMING = frozenset(("heads", "fine_heads", "a_head", "name", "the_name", "the_thing"))
_PER_FRAME_TRIED = 12
_TIE, _TIE_OF_ONE = 0.04, 0.25


@dataclass(frozen=True, slots=True)
class Taste:
    """What makes a line good here: family → weight in [0, 1] (missing: not used), the product to begin with."""

    weights: Mapping[str, float]
    first_rank: int
    ranks: int
    lead: frozenset[str]  # families a leading line comes from, if any can
    used: frozenset[str] = frozenset()  # texts that another variant of the brief already has


def pick(
    lines: Sequence[Line], count: int, taste: Taste, accepts: Callable[[Line], bool], rng: np.random.Generator
) -> list[Line]:
    """At most `count` lines that `accepts` lets through; fewer when no more can be had without repeating."""
    pool = [line for line in lines if taste.weights.get(line.frame.family, 0) > 0]
    quality = {line.text: _quality(line, taste) + float(rng.random()) * _chance(line) for line in pool}
    pool = _shortlist(pool, quality)
    words = {line.text: line.words() for line in pool}
    taken: list[Line] = []
    frames: Counter[str] = Counter()
    openings: Counter[str] = Counter()
    products: Counter[str] = Counter()
    distance = dict.fromkeys(words, 1.0)
    most, per_frame = max(2, -(-count // 4)), (PER_FRAME if count > 5 else 1)
    while pool and len(taken) < count:
        best = max(
            pool if taken else _leads(pool, taste),
            key=lambda line: (quality[line.text] + 0.7 * distance[line.text], line.text),
        )
        if not accepts(best):
            pool.remove(best)
            continue
        taken.append(best)
        frames[best.frame.text] += 1
        openings[_opening(best)] += 1
        products.update(best.products[:1])
        for line in pool:
            distance[line.text] = min(distance[line.text], 1.0 - overlap(words[line.text], words[best.text]))
        pool = [
            line
            for line in pool
            if line is not best
            and 1.0 - distance[line.text] < _NEAR
            and frames[line.frame.text] < per_frame
            and openings[_opening(line)] < 2
            and not (line.products and products[line.products[0]] >= most)
        ]
    return taken


def _chance(line: Line) -> float:
    """How far chance may move a quality: a little where many are taken, more where one is."""
    return _TIE if line.frame.part in ("headline", "description") else _TIE_OF_ONE


def _leads(pool: list[Line], taste: Taste) -> list[Line]:
    """What may come first: the leading families, where possible naming a product or its kind."""
    own = [line for line in pool if line.frame.family in taste.lead]
    named = [line for line in own if line.frame.first & _NAMING]
    offering = [line for line in own if "offer" in line.frame.shop]
    return offering or named or own or pool


def _shortlist(pool: list[Line], quality: Mapping[str, float]) -> list[Line]:
    """The best few lines of every frame."""
    seen: Counter[str] = Counter()
    short = []
    for line in sorted(pool, key=lambda line: (-quality[line.text], line.text)):
        seen[line.frame.text] += 1
        if seen[line.frame.text] <= _PER_FRAME_TRIED:
            short.append(line)
    return short


def overlap(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard overlap of two sets of words, in [0, 1]."""
    return len(a & b) / len(a | b) if a or b else 1.0


def _opening(line: Line) -> str:
    return " ".join(line.text.lower().split()[:2])


def _quality(line: Line, taste: Taste) -> float:
    """Family, place of its product in this variant's order, use of the room there is, freshness."""
    family = taste.weights[line.frame.family]
    place = (line.rank - taste.first_rank) % max(1, taste.ranks) if line.products else 0
    room = min(1.0, width(line) / LIMITS[line.frame.part])
    used = 0.5 if line.text in taste.used else 0.0
    return family + 0.15 * room - 0.05 * place - used
