"""A choice among variants: Thompson sampling from a snapshot, with the exact chance of what was chosen.

in   a Snapshot made ready, a segment, a rung, reason codes of each variant, a number drawn from [0, 1)
out  a Choice, or the Choices of many people at once

The chance of each eligible variant is worked out first and the choice drawn from these chances, so that the
logged probability is the true one. The chance of a variant is that of being the best under the posterior
(Thompson 1933, Biometrika 25): in closed form for two variants; for more, the share of 512 antithetic posterior
draws, made once per snapshot, in which it is the best (ensemble sampling, Lu & Van Roy 2017). That share has a
standard error of at most 0.023 about the ideal. A floor keeps every eligible variant possible. Where the snapshot
says what the traffic ahead can resolve, only that part is explored (see `pooling`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from omnimix.activation.decide.snapshot import Snapshot
from omnimix.activation.experiment.eligibility import Codes, allowed
from omnimix.activation.experiment.ladder import FOLLOW, Rung
from omnimix.core.errors import InvalidInput
from omnimix.creative.brief.brief import BROAD

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DRAWS = 512
FLOOR = 0.02  # share of choices made evenly among the eligible, so that no probability is ever 0
_ONES = np.ones(DRAWS, dtype=np.float32)
_SEED = 20331108  # of the draws: a constant, so that a snapshot gives the same chances everywhere


@dataclass(frozen=True, slots=True)
class Choice:
    """What one person gets. `variant_id` None: nothing, for the reason in `why`."""

    variant_id: str | None
    probability: float  # chance with which it was chosen, in (0, 1]; 1 when nothing could be chosen
    rung: Rung  # what the lane came to
    considered: tuple[str, ...]  # eligible variants
    draw: float  # the number the choice was drawn with; with the codes it replays the choice
    why: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What N people of one segment and lane get. `column`: place in the snapshot's variants, -1 for nothing."""

    rung: Rung
    column: IntArray  # (N,)
    probability: FloatArray  # (N,)
    considered: IntArray  # (N,) place in `sets`
    sets: tuple[tuple[str, ...], ...]  # the different eligible sets that occurred


@dataclass(frozen=True, slots=True)
class Ready:
    """A snapshot with its posterior draws. A segment it does not know is served from the mean of all, row S."""

    snapshot: Snapshot
    draws: npt.NDArray[np.float32]  # (S + 1, V, DRAWS); single precision is twice as fast and plenty
    mean: FloatArray  # (S + 1, V)
    covariance: FloatArray  # (S + 1, V, V) that choices explore: the reachable part, where the snapshot names it
    place: dict[str, int]  # segment → row
    broad: BoolArray  # (V,) variants of the broad brief
    own: BoolArray  # (S + 1, V) variants of the segment's brief; the broad ones where it has none
    steps: IntArray  # (V,)
    whole: dict[tuple[int, bytes], FloatArray]  # chances where nothing is ruled out, by row and mask of variants


def ready(snapshot: Snapshot) -> Ready:
    """Work out once what every choice from a snapshot needs: O(S · V² · DRAWS), some milliseconds."""
    if not snapshot.segments:
        raise InvalidInput("the snapshot has no segments", where=snapshot.snapshot_id)
    count = len(snapshot.variants)
    mean = np.vstack([snapshot.mean, snapshot.mean.mean(axis=0, keepdims=True)])
    spread = snapshot.covariance if snapshot.reachable is None else snapshot.reachable
    covariance = np.concatenate([spread, spread.mean(axis=0, keepdims=True)])
    # The inverse of the distribution function, because numpy promises a stable stream for uniform numbers only.
    half = ndtri(np.random.default_rng(_SEED).uniform(1e-12, 1, (count, DRAWS // 2)))
    normal = np.concatenate([half, -half], axis=1)
    draws = np.stack([m[:, None] + _root(c) @ normal for m, c in zip(mean, covariance, strict=True)])
    briefs = np.array(snapshot.briefs)
    broad = briefs == BROAD
    own = np.stack([briefs == s for s in (*snapshot.segments, BROAD)])
    own[~own.any(axis=1)] = broad
    state = Ready(
        snapshot=snapshot,
        draws=draws.astype(np.float32),
        mean=mean,
        covariance=covariance,
        place={s: i for i, s in enumerate(snapshot.segments)},
        broad=broad,
        own=own,
        steps=np.array(snapshot.steps, dtype=np.int64),
        whole={},
    )
    for row, segment in enumerate((*snapshot.segments, "")):
        pools = {pool(state, segment, rung, 0).tobytes() for rung in Rung}
        pools |= {pool(state, segment, Rung.SEQUENCE, step).tobytes() for step in set(snapshot.steps)}
        for mask in pools:
            columns = np.frombuffer(mask, dtype=np.bool_).nonzero()[0]
            state.whole[row, mask] = chances(state, segment, columns)
    return state


def resolved(state: Ready, segment: str, lane: str) -> Rung:
    """The rung a lane comes to: `follow` gets what is promoted for the segment, `broad` where it is unknown."""
    if lane != FOLLOW:
        return Rung(lane)
    row = state.place.get(segment)
    return Rung.BROAD if row is None else state.snapshot.promoted[row]


def pool(state: Ready, segment: str, rung: Rung, step: int) -> BoolArray:
    """(V,) the variants that a rung may show in a segment, before eligibility.

    `step` counts the person's engagements so far and matters to `sequence` alone: the story goes on to the last
    step there is, and stays there.
    """
    row = state.place.get(segment, len(state.place))
    if rung is Rung.NONE:
        return np.zeros(len(state.steps), dtype=np.bool_)
    if rung in (Rung.BROAD, Rung.RELEVANT):
        return state.broad
    own: BoolArray = state.own[row]
    if rung is Rung.SEGMENT:
        return own
    if rung is Rung.MOMENT:
        return np.asarray(state.broad | own)
    if not own.any():
        return own
    reached = state.steps[own & (state.steps <= step)]
    told = reached.max() if reached.size else state.steps[own].min()
    return np.asarray(own & (state.steps == told))


def chances(state: Ready, segment: str, columns: IntArray) -> FloatArray:
    """(K,) the chance of each of K eligible variants (places in the snapshot). They sum to 1, none is 0."""
    count = len(columns)
    row = state.place.get(segment, len(state.place))
    if count <= 1:
        return np.ones(count)
    if count == 2:
        first = _beats(state.mean[row], state.covariance[row], int(columns[0]), int(columns[1]))
        best = np.array([first, 1 - first])
    else:
        drawn = state.draws[row].take(columns, axis=0)
        # Counting the wins by a product with ones is the fastest way numpy has.
        best = np.dot((drawn == np.maximum.reduce(drawn)).astype(np.float32), _ONES).astype(np.float64)
        best /= best.sum()
    best *= 1 - FLOOR
    best += FLOOR / count
    return best


def _chances(state: Ready, segment: str, mask: BoolArray, columns: IntArray) -> FloatArray:
    """`chances`, looked up where nothing is ruled out."""
    known = state.whole.get((state.place.get(segment, len(state.place)), mask.tobytes()))
    return chances(state, segment, columns) if known is None else known


def choose(state: Ready, segment: str, codes: Codes | None, *, lane: str, draw: float, step: int = 0) -> Choice:
    """Choose for one person of a segment and lane.

    `codes` are the (V,) reason flags of `eligibility.excluded` in the order of the snapshot's variants (None:
    nothing stands against any). `draw` is in [0, 1); the same draw gives the same choice.
    """
    snapshot = state.snapshot
    rung = resolved(state, segment, lane)
    wanted = pool(state, segment, rung, step)
    fit = wanted if codes is None else wanted & allowed(codes, rung)
    columns = fit.nonzero()[0]
    if not len(columns):
        why = "the lane gets no message" if rung is Rung.NONE else "no eligible variant"
        return Choice(None, 1.0, rung, (), draw, why)
    chance = _chances(state, segment, fit, columns)
    at = min(int(chance.cumsum().searchsorted(draw, side="right")), len(columns) - 1)
    considered = tuple([snapshot.variants[i] for i in columns.tolist()])
    return Choice(considered[at], float(chance[at]), rung, considered, draw)


def choose_many(
    state: Ready, segment: str, codes: Codes | None, *, lane: str, draws: FloatArray, steps: IntArray
) -> Choices:
    """`choose` for N people of one segment and lane at once; `codes` (N, V), `draws` and `steps` (N,).

    People who may see the same set of variants share one computation of chances.
    """
    rung = resolved(state, segment, lane)
    count = len(draws)
    wanted = np.empty((count, len(state.steps)), dtype=np.bool_)
    for step in np.unique(steps).tolist():
        wanted[steps == step] = pool(state, segment, rung, step)
    fit = wanted if codes is None else wanted & allowed(codes, rung)
    column = np.full(count, -1, dtype=np.int64)
    probability = np.ones(count)
    considered, masks = _grouped(fit)
    sets = []
    for place, mask in enumerate(masks):
        columns = np.nonzero(mask)[0]
        sets.append(tuple(state.snapshot.variants[i] for i in columns.tolist()))
        if not len(columns):
            continue
        who = np.nonzero(considered == place)[0]
        chance = _chances(state, segment, mask, columns)
        at = np.minimum(np.searchsorted(chance.cumsum(), draws[who], side="right"), len(columns) - 1)
        column[who] = columns[at]
        probability[who] = chance[at]
    return Choices(rung, column, probability, considered, tuple(sets))


def _grouped(fit: BoolArray) -> tuple[IntArray, BoolArray]:
    """The different rows of `fit`, and which of them each row is."""
    if not fit.size:
        return np.zeros(len(fit), dtype=np.int64), fit[:1]
    packed = np.ascontiguousarray(np.packbits(fit, axis=1))
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return group.astype(np.int64), fit[first]


def _beats(mean: FloatArray, covariance: FloatArray, a: int, b: int) -> float:
    spread = covariance[a, a] + covariance[b, b] - 2 * covariance[a, b]
    return float(ndtr((mean[a] - mean[b]) / np.sqrt(max(spread, 1e-18))))


def _root(covariance: FloatArray) -> FloatArray:
    """A matrix R with R Rᵀ = covariance, also where it is singular."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))
