"""Which memory matters: contexts of several steps, kept where they change the distribution of the next step.

in   counts of moves after the longest contexts; for those that are kept, of people
out  Tree of contexts, and the PathMap

A variable-length Markov chain: a context stays when its deviance from the next shorter one is worth its parameters
by the Bayesian information criterion (Csiszár and Talata 2006; the tree of contexts is Rissanen's, 1983, and
Bühlmann and Wyner's, 1999). Moves into OPEN say nothing of what comes next and are left out of the test, not of
the shares.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa

from omnimix.audience.journey.insight import Context, Continuation, PathMap, StepConversion, WholePath
from omnimix.audience.journey.journey import OPEN, OTHER
from omnimix.audience.journey.paths import JOIN
from omnimix.audience.journey.rates import wilson
from omnimix.audience.journey.transitions import CONTEXT

Ways = Counter[str]
LEAST = 20  # moves of a context that is looked at
LEAST_SHIFT = 0.05  # total variation below which nobody would act on it, however sure


@dataclass(frozen=True, slots=True)
class Tree:
    """All contexts by their steps, and what was kept of them, those that shift most moves first."""

    ways: Mapping[tuple[str, ...], Ways]
    tested: int
    kept: tuple[Context, ...]


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


def fit_paths(
    tree: Tree,
    counts: Mapping[str, pa.Table],
    *,
    as_of: datetime,
    goal: str,
    most: int,
) -> PathMap:
    """The contexts that move most people, the most frequent whole paths, and conversion by step.

    `counts`: context_people of the first `most` kept contexts, path_counts, whole_totals, conversions.
    """
    people = {(r["context"], r["next_step"]): r["profiles"] for r in counts["context_people"].to_pylist()}
    total = counts["whole_totals"].to_pylist()[0]
    whole = tuple(
        WholePath(tuple(r["steps"].split(JOIN)), r["end"], r["paths"], r["profiles"], r["paths"] / total["paths"])
        for r in sorted(counts["path_counts"].to_pylist(), key=lambda r: (-r["paths"], r["steps"], r["end"]))
    )
    shown = sum(w.paths for w in whole) / total["paths"] if total["paths"] else 1.0
    return PathMap(
        as_of=as_of,
        order=CONTEXT,
        tested=tree.tested,
        kept=len(tree.kept),
        contexts=tuple(_peopled(c, people) for c in tree.kept[:most]),
        paths=total["paths"],
        shapes=total["shapes"],
        whole=whole,
        displayed=shown,
        beyond=1 - shown,
        goal=goal,
        conversions=_conversions(counts["conversions"]),
    )


def _peopled(context: Context, people: Mapping[tuple[str, str | None], int]) -> Context:
    name = JOIN.join(context.steps)
    ways = tuple(replace(c, profiles=people[(name, c.next_step)]) for c in context.continuations)
    return replace(context, profiles=people[(name, None)], continuations=ways)


def _conversions(table: pa.Table) -> tuple[StepConversion, ...]:
    rows = sorted(table.to_pylist(), key=lambda r: (r["step"] == OTHER, -r["profiles"], r["step"]))
    return tuple(
        StepConversion(
            r["step"],
            r["profiles"],
            r["converted"],
            r["converted"] / r["profiles"],
            *wilson(r["converted"], r["profiles"]),
            r["median"],
        )
        for r in rows
    )
