"""The people behind a number: any count of a journey as the list of profiles it counts.

in   the row tables the count was made from, and what was counted
out  profile_id, each once; as many rows as the number shown
"""

from ibis import _
from ibis.expr.types import Table

from omnimix.audience.journey.journey import START


def behind_step(moved: Table, step: str) -> Table:
    """Who made a step (`Step.profiles`)."""
    return _profiles(moved.filter(_.step == step))


def behind_move(moved: Table, step: str, next_step: str) -> Table:
    """Who made a move (`Move.profiles`), those from START and into EXIT or OPEN included."""
    if step == START:
        return _profiles(moved.filter(_.begins & (_.step == next_step)))
    return _profiles(moved.filter((_.step == step) & (_.next_step == next_step)))


def behind_difference(made: Table, group: str, step: str, next_step: str) -> Table:
    """Who of a group made a move within the horizon (`Difference.profiles` of a move)."""
    return _profiles(made.filter((_.grouping == group) & (_.step == step) & (_.next_step == next_step)))


def behind_context(contexts: Table, context: str, next_step: str | None = None) -> Table:
    """Who was in a context (`Context.profiles`), or went on from it (`Continuation.profiles`): of `in_context`."""
    rows = contexts.filter(_.context == context)
    return _profiles(rows if next_step is None else rows.filter(_.next_step == next_step))


def behind_path(shapes: Table, steps: str, end: str) -> Table:
    """Who went a whole path (`WholePath.profiles`): of `path_shapes`."""
    return _profiles(shapes.filter((_.steps == steps) & (_.end == end)))


def behind_funnel(paths: Table, place: int) -> Table:
    """Who reached a place of a funnel (`FunnelStep.profiles`)."""
    return _profiles(paths.filter(_.reached > place))


def behind_medium(touched: Table, medium: str) -> Table:
    """Who was brought by a medium (`MediumCount.profiles`)."""
    return _profiles(touched.filter(_.medium == medium))


def behind_stage(staged: Table, stage: str) -> Table:
    """Who is in a stage (`StageCount.profiles`)."""
    return _profiles(staged.filter(_.stage == stage))


def behind_stage_move(moved: Table, stage: str, next_stage: str) -> Table:
    """Who went from one stage to another (`StageMove.profiles`)."""
    return _profiles(moved.filter((_.stage == stage) & (_.next_stage == next_stage)))


def _profiles(rows: Table) -> Table:
    return rows.select("profile_id").distinct()
