"""A week's choices for everybody, as one table: what the simulated market is served.

in   a ready snapshot, ASSIGNMENT rows with their reason codes, the week, a seed
out  SERVED rows, one a person, also where nothing is shown
"""

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from omnimix.activation.decide.choice import Ready, choose_many
from omnimix.activation.experiment.eligibility import IRRELEVANT, Codes
from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import unit_interval

IntArray = npt.NDArray[np.int64]
Marks = npt.NDArray[np.uint64]

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


def marks_of(profile_ids: pa.ChunkedArray, *, seed: str, campaign: str) -> Marks:
    """(N,) 53 bits of each person's own, from a stable hash: what the draws of all weeks are made from."""
    points = [unit_interval(f"{seed}:{campaign}", p) for p in profile_ids.to_pylist()]
    return (np.array(points, dtype=np.float64) * 2.0**53).astype(np.uint64)


def _draws(marks: Marks, week: int) -> npt.NDArray[np.float64]:
    """(N,) numbers in [0, 1), of each week anew: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = marks + np.uint64((week + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)) / 2.0**53


def serve_week(
    state: Ready,
    assigned: pa.Table,
    codes: Codes | None,
    *,
    week: int,
    seed: str,
    steps: IntArray | None = None,
    marks: Marks | None = None,
) -> pa.Table:
    """SERVED rows, one for each row of `assigned` and in its order.

    `codes` (N, V) as in `choose`; `steps` (N,) the engagements so far; `marks` of `marks_of`, for whoever asks
    for many weeks. A person's choice depends on nobody else.
    """
    count = assigned.num_rows
    snapshot = state.snapshot
    if codes is not None and codes.shape != (count, len(snapshot.variants)):
        raise InvalidInput(f"reason codes are {codes.shape}, expected {(count, len(snapshot.variants))}")
    table = assigned.combine_chunks()
    marks = marks_of(table["profile_id"], seed=seed, campaign=snapshot.campaign) if marks is None else marks
    draws = _draws(marks, week)
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
