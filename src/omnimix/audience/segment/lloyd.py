"""k-means: several starts at once, the best of them.

in   points, one row each; how many clusters and starts; a seed
out  centres

Starts are drawn by greedy k-means++ (Arthur and Vassilvitskii, SODA 2007), then moved by Lloyd's algorithm
(IEEE Trans. Information Theory 28(2), 1982). All starts go side by side through each step, which makes many small
fits several times faster than one start after another.
"""

import numpy as np
import numpy.typing as npt

from omnimix.audience.segment.matrix import FloatArray

IntArray = npt.NDArray[np.int64]

_STEPS = 300
_STILL = (
    1e-4  # of the mean variance of a column: centres that move less in a step, squared and summed, stand still
)


def k_means(points: FloatArray, k: int, *, starts: int, seed: int) -> FloatArray:
    """(k, D) centres with the smallest sum of squared distances found. `points` (N, D) holds k different ones."""
    rng = np.random.default_rng(seed)
    middle = points.mean(axis=0)
    rows = points - middle  # smaller numbers: squares keep more of their digits
    centres = np.stack([_spread(rows, k, rng) for _ in range(starts)])
    settled, inertia = _lloyd(rows, centres)
    found: FloatArray = settled[int(np.argmin(inertia))] + middle
    return found


def _spread(points: FloatArray, k: int, rng: np.random.Generator) -> FloatArray:
    """(k, D) points far from each other: each the best of a few drawn by squared distance to the nearest."""
    few = 2 + int(np.log(k))
    square = (points**2).sum(axis=1)
    chosen = [int(rng.integers(len(points)))]
    near = _distance(points, square, chosen)[0]
    for _ in range(1, k):
        reach = np.cumsum(near)
        drawn = np.minimum(np.searchsorted(reach, rng.random(few) * reach[-1]), len(points) - 1)
        closer = np.minimum(_distance(points, square, drawn.tolist()), near)
        best = int(closer.sum(axis=1).argmin())
        chosen.append(int(drawn[best]))
        near = closer[best]
    return points[chosen]


def _distance(points: FloatArray, square: FloatArray, to: list[int]) -> FloatArray:
    """(len(to), N) squared distances."""
    found = square[to][:, None] - 2 * points[to] @ points.T + square
    found[np.arange(len(to)), to] = 0.0
    return np.maximum(found, 0.0)


def _lloyd(points: FloatArray, centres: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The centres (S, k, D) where they come to rest, and each start's sum of squared distances (S,)."""
    starts, k, _ = centres.shape
    still = _STILL * float(points.var(axis=0).mean())
    columns = np.ascontiguousarray(points.T, dtype=np.float32)
    labels = np.full((starts, len(points)), -1, dtype=np.int64)
    sums, counts = np.zeros_like(centres), np.zeros((starts, k))
    moving = np.arange(starts)
    for _ in range(_STEPS):
        found, _ = _assigned(columns, centres[moving])
        for start, new in zip(moving, found, strict=True):
            changed = np.flatnonzero(labels[start] != new)  # soon few: only they move the sums
            step = _ones(new[changed], k) - _ones(labels[start, changed], k)
            sums[start] += step @ points[changed]
            counts[start] += step.sum(axis=1)
        labels[moving] = found
        moved = sums[moving] / np.maximum(counts[moving], 1)[:, :, None]
        for place, c in np.argwhere(counts[moving] == 0):  # one that has no points goes to the farthest
            own = centres[moving[place], labels[moving[place]]]
            moved[place, c] = points[int(((points - own) ** 2).sum(axis=1).argmax())]
        shift = ((moved - centres[moving]) ** 2).sum(axis=(1, 2))
        centres[moving] = moved
        moving = moving[shift > still]
        if not len(moving):
            break
    _, nearest = _assigned(columns, centres)
    return centres, nearest.sum(axis=1, dtype=np.float64)


def _ones(labels: IntArray, k: int) -> FloatArray:
    """(k, N) one where a point has the label; nothing for the label -1."""
    ones: FloatArray = (np.arange(k)[:, None] == labels).astype(np.float64)
    return ones


def _assigned(columns: npt.NDArray[np.float32], centres: FloatArray) -> tuple[IntArray, npt.NDArray[np.float32]]:
    """Of each start and point (S, N): the nearest centre, the first of equals; its squared distance less the
    point's own square. In half precision of a double: centres are means in full, only who is near is not."""
    starts, k, dimensions = centres.shape
    flat = centres.transpose(1, 0, 2).reshape(k * starts, dimensions).astype(np.float32)
    score = ((-2 * flat) @ columns + (flat**2).sum(axis=1)[:, None]).reshape(k, starts, -1)
    best, labels = score[0], np.zeros(score.shape[1:], dtype=np.int64)
    for c in range(1, k):
        np.copyto(labels, c, where=score[c] < best)
        np.minimum(best, score[c], out=best)
    return labels, best
