"""A week's choices for everybody, as one table; and one person's, as a record that can be replayed.

in   a ready snapshot, ASSIGNMENT rows with their reason codes, the week, a seed
out  SERVED rows (one a person, also where nothing is shown), or a Decision
"""

from dataclasses import dataclass
from datetime import datetime

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.activation.decide.choice import Choice, Ready, choose, choose_many
from omnimix.activation.experiment.eligibility import IRRELEVANT, Codes
from omnimix.core.errors import Conflict, InvalidInput
from omnimix.core.hashing import stable_id, unit_interval

IntArray = npt.NDArray[np.int64]

SERVED = ibis.schema(
    {
        "profile_id": "!string",
        "segment": "!string",
        "lane": "!string",
        "rung": "!string",  # what the lane came to
        "step": "!int64",
        "variant_id": "string",  # null: nothing is shown
        "probability": "!float64",  # in (0, 1]
        "considered": "!string",  # the eligible variants, a space between them
        "draw": "!float64",  # the number the choice was drawn with
        "snapshot_id": "!string",
        "irrelevant": "!boolean",  # shown although an irrelevance rule speaks against it
    }
)


@dataclass(frozen=True, slots=True)
class Decision:
    """One logged choice, and all that is needed to make it again from its snapshot."""

    decision_id: str
    campaign: str
    snapshot_id: str
    profile_id: str
    segment: str
    lane: str
    step: int
    codes: tuple[int, ...]  # (V,) reason flags in the order of the snapshot's variants
    draw: float
    variant_id: str | None
    probability: float
    decided_at: datetime


def decide(
    state: Ready,
    *,
    profile_id: str,
    segment: str,
    lane: str,
    codes: Codes,
    now: datetime,
    seed: str,
    step: int = 0,
) -> tuple[Decision, Choice]:
    """Choose for one person now. The draw is a stable hash of seed, person and instant."""
    snapshot = state.snapshot
    if codes.shape != (len(snapshot.variants),):
        raise InvalidInput(f"{codes.shape} reason codes for {len(snapshot.variants)} variants")
    key = f"{snapshot.campaign}:{profile_id}:{now.isoformat()}"
    choice = choose(state, segment, codes, lane=lane, draw=unit_interval(seed, key), step=step)
    decision = Decision(
        decision_id=stable_id("dec", seed, key),
        campaign=snapshot.campaign,
        snapshot_id=snapshot.snapshot_id,
        profile_id=profile_id,
        segment=segment,
        lane=lane,
        step=step,
        codes=tuple(codes.tolist()),
        draw=choice.draw,
        variant_id=choice.variant_id,
        probability=choice.probability,
        decided_at=now,
    )
    return decision, choice


def replay(state: Ready, decision: Decision) -> Choice:
    """Make a logged choice again. Raises Conflict when the snapshot is another one or the result differs."""
    if state.snapshot.snapshot_id != decision.snapshot_id:
        raise Conflict(
            f"decision {decision.decision_id} was made from snapshot {decision.snapshot_id}",
            where=state.snapshot.snapshot_id,
            fix="load that snapshot and replay from it",
        )
    codes = np.array(decision.codes, dtype=np.uint32)
    again = choose(state, decision.segment, codes, lane=decision.lane, draw=decision.draw, step=decision.step)
    if again.variant_id != decision.variant_id or abs(again.probability - decision.probability) > 1e-9:
        raise Conflict(
            f"the replay chose {again.variant_id!r} with {again.probability:.6f}, "
            f"the log says {decision.variant_id!r} with {decision.probability:.6f}",
            where=decision.decision_id,
        )
    return again


def serve_week(
    state: Ready,
    assigned: pa.Table,
    codes: Codes | None,
    *,
    week: int,
    seed: str,
    steps: IntArray | None = None,
) -> pa.Table:
    """SERVED rows, one for each row of `assigned` and in its order.

    `codes` (N, V) as in `choose`; `steps` (N,) the engagements so far. A person's choice depends on nobody else.
    """
    count = assigned.num_rows
    snapshot = state.snapshot
    if codes is not None and codes.shape != (count, len(snapshot.variants)):
        raise InvalidInput(f"reason codes are {codes.shape}, expected {(count, len(snapshot.variants))}")
    table = assigned.combine_chunks()
    key = f"{seed}:{snapshot.campaign}:{week}"
    draws = np.array([unit_interval(key, p) for p in table["profile_id"].to_pylist()], dtype=np.float64)
    steps = np.zeros(count, dtype=np.int64) if steps is None else steps
    column = np.full(count, -1, dtype=np.int64)
    probability = np.ones(count)
    rungs = np.full(count, "", dtype="U16")
    considered = np.zeros(count, dtype=np.int64)
    sets: list[str] = []
    for segment, lane, rows in _groups(table):
        made = choose_many(
            state,
            segment,
            None if codes is None else codes[rows],
            lane=lane,
            draws=draws[rows],
            steps=steps[rows],
        )
        column[rows], probability[rows], rungs[rows] = made.column, made.probability, str(made.rung)
        considered[rows] = made.considered + len(sets)
        sets.extend(" ".join(s) for s in made.sets)
    shown = column >= 0
    against = np.zeros(count, dtype=np.bool_)
    if codes is not None and shown.any():
        against[shown] = (codes[shown, column[shown]] & np.uint32(IRRELEVANT)) != 0
    return pa.table(
        {
            "profile_id": table["profile_id"],
            "segment": table["segment"],
            "lane": table["lane"],
            "rung": pa.array(rungs.tolist(), pa.string()),
            "step": pa.array(steps),
            "variant_id": pa.array(snapshot.variants, pa.string()).take(pa.array(column, mask=~shown)),
            "probability": pa.array(probability),
            "considered": pa.array(sets, pa.string()).take(pa.array(considered)),
            "draw": pa.array(draws),
            "snapshot_id": pa.repeat(snapshot.snapshot_id, count),
            "irrelevant": pa.array(against),
        }
    ).cast(SERVED.to_pyarrow())


def engagements(exposures: pa.Table, profile_ids: pa.ChunkedArray) -> IntArray:
    """(N,) in how many exposures (EXPOSURE rows) each profile clicked so far: its step in the story."""
    clicked = exposures.filter(pc.greater(exposures["clicks"], 0))
    found = pc.index_in(clicked["profile_id"], value_set=pc.cast(profile_ids, pa.string()).combine_chunks())
    rows = found.drop_null().to_numpy().astype(np.int64)
    return np.bincount(rows, minlength=len(profile_ids)).astype(np.int64)


def _groups(table: pa.Table) -> list[tuple[str, str, IntArray]]:
    """Rows of each (segment, lane) that occurs, by name."""
    joined = pc.binary_join_element_wise(table["segment"], table["lane"], "\x1f").combine_chunks()
    encoded = joined.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    names = [str(name).split("\x1f") for name in encoded.dictionary.to_pylist()]
    return sorted((names[i][0], names[i][1], np.nonzero(codes == i)[0]) for i in range(len(names)))
