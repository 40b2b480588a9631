"""Which memory matters: contexts of several steps, kept where they change the distribution of the next step.

in   counts of moves after the longest contexts
out  Context records without people, who are counted afterwards for the kept ones alone

A variable-length Markov chain: a context stays when its deviance from the next shorter one is worth its parameters
by the Bayesian information criterion (Csiszár and Talata 2006; the tree of contexts is Rissanen's, 1983, and
Bühlmann and Wyner's, 1999). Moves into OPEN say nothing of what comes next and are left out of the test, not of
the shares.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from omnimix.audience.journey.insight import Context, Continuation
from omnimix.audience.journey.journey import OPEN, OTHER
from omnimix.audience.journey.transitions import CONTEXT

Ways = Counter[str]
LEAST = 20  # moves of a context that is looked at
LEAST_SHIFT = 0.05  # total variation below which nobody would act on it, however sure


@dataclass(frozen=True, slots=True)
class Tree:
    """All contexts by their steps, and what was kept of them. `kept` are sorted, those that shift most moves first."""

    ways: Mapping[tuple[str, ...], Ways]
    tested: int
    kept: tuple[Context, ...]

    def longest(self, steps: tuple[str, ...]) -> tuple[str, ...]:
        """The longest suffix of `steps` that is kept, or the last step alone."""
        names = {c.steps for c in self.kept}
        for length in range(min(CONTEXT, len(steps)), 1, -1):
            if steps[-length:] in names:
                return steps[-length:]
        return steps[-1:]


def fit_contexts(counts: pa.Table) -> Tree:
    """Grow the tree of contexts from `context_counts` and prune it. The same counts give the same tree."""
    ways = _suffixes(counts)
    moves = sum(n for c, w in ways.items() if len(c) == 1 for n in w.values())
    penalty = math.log(max(moves, 2))
    tested, kept = 0, []
    for steps in sorted(ways):
        total = ways[steps].total()
        if len(steps) == 1 or total < LEAST or steps[-1] == OTHER:
            continue
        tested += 1
        shorter = ways[steps[1:]]
        deviance, freedom = _deviance(ways[steps], shorter)
        shift = _shift(ways[steps], shorter)
        if deviance > freedom * penalty and shift >= LEAST_SHIFT:
            kept.append(_context(steps, ways[steps], shorter, deviance, shift))
    kept.sort(key=lambda c: (-c.moves * c.shift, c.steps))
    return Tree(ways, tested, tuple(kept))


def _suffixes(counts: pa.Table) -> dict[tuple[str, ...], Ways]:
    """Counts of every context: each row adds to its longest context and to all that it ends in."""
    names = [f"before_{k}" for k in range(CONTEXT - 1, 0, -1)]
    found: dict[tuple[str, ...], Ways] = defaultdict(Counter)
    for row in counts.to_pylist():
        steps = (*(row[n] for n in names if row[n] is not None), row["step"])
        for start in range(len(steps)):
            found[steps[start:]][row["next_step"]] += row["moves"]
    return dict(found)


def _known(ways: Ways) -> dict[str, int]:
    return {step: n for step, n in ways.items() if step != OPEN}


def _deviance(ways: Ways, shorter: Ways) -> tuple[float, int]:
    """2 × Σ n log(p / q), and the parameters a context costs."""
    here, there = _known(ways), _known(shorter)
    n, m = sum(here.values()), sum(there.values())
    found = 2 * math.fsum(k * math.log((k / n) / (there[step] / m)) for step, k in sorted(here.items()))
    return found, max(1, len(there) - 1)


def _shift(ways: Ways, shorter: Ways) -> float:
    here, there = _known(ways), _known(shorter)
    n, m = sum(here.values()) or 1, sum(there.values()) or 1
    return math.fsum(abs(here.get(step, 0) / n - k / m) for step, k in sorted(there.items())) / 2


def _context(steps: tuple[str, ...], ways: Ways, shorter: Ways, deviance: float, shift: float) -> Context:
    total, whole = ways.total(), shorter.total()
    found = tuple(
        Continuation(step, n, 0, n / total, shorter[step] / whole)
        for step, n in sorted(ways.items(), key=lambda w: (-w[1], w[0]))
    )
    return Context(steps, total, 0, deviance, shift, found)
