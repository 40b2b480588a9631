"""Where one contact stands: the last steps, the context they are in, and what people do next from there.

in   the contact's own steps; the JourneyMap and PathMap of everybody
out  Place
"""

from collections.abc import Sequence

import pyarrow as pa

from omnimix.audience.journey.insight import Context, Continuation, PathMap, Place, Visit
from omnimix.audience.journey.journey import EXIT, OPEN, OTHER, JourneyMap
from omnimix.audience.journey.transitions import CONTEXT

SHOWN = 8  # steps


def fit_place(
    moved: pa.Table, journey: JourneyMap, paths: PathMap, *, profile_id: str, stage: str | None
) -> Place | None:
    """The place of the profile whose `moves` these are; None without any step.

    Steps that are not on the map are OTHER. The likely next steps are those of the longest known context that
    fits, or of the step alone.
    """
    rows = sorted(moved.to_pylist(), key=lambda r: (r["occurred_at"], r["step_id"]))
    if not rows:
        return None
    names = {s.step for s in journey.steps}
    shown = [Visit(_known(r["step"], names), r["occurred_at"]) for r in rows]
    last = rows[-1]
    before = [last[f"before_{k}"] for k in range(CONTEXT - 1, 0, -1)]
    steps = tuple(_named(s, names) for s in (*before, last["step"]) if s is not None)
    context, likely = _next(steps, journey, paths.contexts)
    known = sum(c.moves for c in likely if c.next_step != OPEN)
    left = sum(c.moves for c in likely if c.next_step == EXIT)
    return Place(
        profile_id=profile_id,
        stage=stage,
        last=tuple(shown[-SHOWN:]),
        state=last["next_step"],
        context=context,
        likely=likely,
        exit_share=left / known if known else None,
        known_moves=known,
    )


def _known(step: str, names: set[str]) -> str:
    return step if step in names else OTHER


def _named(step: str, names: set[str]) -> str:
    return step if step.startswith("(") else _known(step, names)


def _next(
    steps: tuple[str, ...], journey: JourneyMap, contexts: Sequence[Context]
) -> tuple[tuple[str, ...], tuple[Continuation, ...]]:
    kept = {c.steps: c for c in contexts}
    for length in range(len(steps), 1, -1):
        if steps[-length:] in kept:
            return steps[-length:], kept[steps[-length:]].continuations
    alone = journey.moves_from(steps[-1])
    return steps[-1:], tuple(Continuation(m.next_step, m.moves, m.profiles, m.share, m.share) for m in alone)
