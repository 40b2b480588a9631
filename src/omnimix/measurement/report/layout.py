"""A layered layout: boxes in rows, edges between them, nothing on top of anything else.

in   boxes with their least size, edges with their weight; the first box is where everything begins
out  Layout: where each box stands, and for each edge the points it runs through

The steps of Sugiyama, Tagawa and Toda (1981). Rows follow the likeliest way from the first box (Dijkstra's
shortest paths over −log of each edge's part of what leaves its box). Long edges have a place in every row they
cross, so they run beside boxes, never under them. Rows are sorted by barycentres; places within a row are those
nearest to their neighbours' (isotonic regression). No randomness: the same graph gives the same picture.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_LANE = 12.0  # width of the place of an edge in a row it crosses
_GAP = 20.0  # between neighbours in a row
_SWEEPS = 12
_STEP = 0.2  # what a step costs besides being unlikely: of two ways as likely, the shorter


@dataclass(frozen=True, slots=True)
class Box:
    """A box: `width` and `height` are its least size."""

    key: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge from box to box. `room` is the width its label needs where it leaves."""

    start: str
    end: str
    weight: float
    room: float = 8.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A box in its place: x and y of the upper left corner."""

    key: str
    x: float
    y: float
    width: float
    height: float
    row: int


@dataclass(frozen=True, slots=True)
class Run:
    """An edge from its first point to its last; `down`: it leaves at the lower side of its box."""

    edge: Edge
    points: tuple[tuple[float, float], ...]
    down: bool
    back: bool  # against the main direction, or within a row


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything in its place, within `width` × `height`."""

    boxes: Mapping[str, Placed]
    runs: tuple[Run, ...]
    width: float
    height: float


def lay_out(
    boxes: Sequence[Box], edges: Sequence[Edge], *, in_row: int, between: float, margin: float = 16.0
) -> Layout:
    """Lay the graph out in rows of at most `in_row` boxes, `between` apart. No edge leads from a box to itself."""
    reached = _order([b.key for b in boxes], edges)
    order, row_of = list(reached), _rows(reached, in_row)
    sized = {b.key: _sized(b, edges, row_of) for b in boxes}
    chains = {e: _chain(e, row_of) for e in edges}
    rows = _sorted_rows(order, row_of, chains)
    x = _places(rows, chains, {k: b.width for k, b in sized.items()})
    left = min((x[k] - sized[k].width / 2 for k in sized), default=0.0)
    left = min([left, *(x[k] - _LANE / 2 for c in chains.values() for k in c[1:-1])])
    heights = [max((sized[k].height for k in row if k in sized), default=0.0) for row in rows]
    tops = [margin + sum(heights[:i]) + between * i for i in range(len(rows))]
    placed = {
        k: Placed(k, x[k] - b.width / 2 - left + margin, tops[row_of[k]], b.width, b.height, row_of[k])
        for k, b in sized.items()
    }
    lanes = {k: v - left + margin for k, v in x.items()}
    runs = _runs(edges, chains, placed, lanes, tops, heights)
    width = max([p.x + p.width for p in placed.values()] + [q[0] + 8 for r in runs for q in r.points], default=0.0)
    height = (tops[-1] + heights[-1] if rows else 0.0) + margin
    return Layout(placed, runs, width + margin, height)


def _order(keys: Sequence[str], edges: Sequence[Edge]) -> dict[str, str | None]:
    """The boxes in the order in which they are reached from the first, each with the one it is reached from."""
    out: dict[str, list[Edge]] = {k: [] for k in keys}
    for e in edges:
        out[e.start].append(e)
    found: dict[str, str | None] = {}
    for place, root in enumerate(keys):  # what cannot be reached from the first box begins anew
        queue: list[tuple[float, int, str, str | None]] = [(0.0, place, root, None)]
        while queue:
            cost, _place, key, source = heapq.heappop(queue)
            if key in found:
                continue
            found[key] = source
            total = sum(e.weight for e in out[key])
            for e in out[key]:
                if e.end not in found:
                    heapq.heappush(
                        queue, (cost + _STEP - math.log(e.weight / total), keys.index(e.end), e.end, key)
                    )
    return found


def _rows(reached: Mapping[str, str | None], in_row: int) -> dict[str, int]:
    """One row below the box it is reached from, further down where that row is full."""
    row_of: dict[str, int] = {}
    filled: dict[int, int] = {}
    for key, source in reached.items():
        row = row_of[source] + 1 if source is not None else (1 if row_of else 0)
        while filled.get(row, 0) >= in_row:
            row += 1
        row_of[key] = row
        filled[row] = filled.get(row, 0) + 1
    used = {row: i for i, row in enumerate(sorted(filled))}
    return {k: used[row] for k, row in row_of.items()}


def _sized(box: Box, edges: Sequence[Edge], row_of: Mapping[str, int]) -> Box:
    """Wide enough for all that leaves and arrives on either side."""
    room = [0.0, 0.0]
    for e in edges:
        if e.start == box.key:
            room[row_of[e.end] >= row_of[e.start]] += e.room
        if e.end == box.key:
            room[row_of[e.start] >= row_of[e.end]] += _LANE
    return Box(box.key, max(box.width, max(room) + 8), box.height)


def _chain(edge: Edge, row_of: Mapping[str, int]) -> tuple[str, ...]:
    """The edge's two boxes with a lane in every row between them, from above to below."""
    a, b = sorted((edge.start, edge.end), key=lambda k: row_of[k])
    between = range(row_of[a] + 1, row_of[b])
    return (a, *(f"{edge.start}\0{edge.end}\0{row}" for row in between), b)


def _sorted_rows(
    order: list[str], row_of: Mapping[str, int], chains: Mapping[Edge, tuple[str, ...]]
) -> list[list[str]]:
    rows: list[list[str]] = [[] for _ in range(max(row_of.values(), default=-1) + 1)]
    for key in order:
        rows[row_of[key]].append(key)
    near: dict[str, list[tuple[str, float]]] = {}
    for edge, chain in chains.items():
        for depth, key in enumerate(chain[1:-1], start=row_of[chain[0]] + 1):
            rows[depth].append(key)
        for a, b in pairwise(chain):
            near.setdefault(a, []).append((b, edge.weight))
            near.setdefault(b, []).append((a, edge.weight))
    for sweep in range(_SWEEPS):
        depths = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        at = {k: (i + 0.5) / len(row) for row in rows for i, k in enumerate(row)}
        for depth in depths:
            rows[depth].sort(key=lambda k: (round(_centre(k, near, at), 9), k))
            at |= {k: (i + 0.5) / len(rows[depth]) for i, k in enumerate(rows[depth])}
    return rows


def _centre(key: str, near: Mapping[str, list[tuple[str, float]]], at: Mapping[str, float]) -> float:
    others = [(at[k], w) for k, w in near.get(key, ())]
    weight = sum(w for _x, w in others)
    return sum(x * w for x, w in others) / weight if weight else at[key]


def _places(
    rows: list[list[str]], chains: Mapping[Edge, tuple[str, ...]], widths: Mapping[str, float]
) -> dict[str, float]:
    """The x of every box and lane: near its neighbours, in the row's order, apart."""
    x: dict[str, float] = {}
    offsets: dict[str, float] = {}
    for row in rows:
        end = 0.0
        for key in row:
            wide = widths.get(key, _LANE)
            offsets[key] = end + wide / 2
            end += wide + (_GAP if key in widths else _GAP / 2)
        x |= {k: offsets[k] - end / 2 for k in row}
    near: dict[str, list[tuple[str, float]]] = {}
    for edge, chain in chains.items():
        for a, b in pairwise(chain):
            weight = edge.weight * (8 if a not in widths and b not in widths else 1)  # long edges run straight
            near.setdefault(a, []).append((b, weight))
            near.setdefault(b, []).append((a, weight))
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_centre(k, near, x) - offsets[k] for k in row]
            x |= {k: v + offsets[k] for k, v in zip(row, _isotonic(wanted), strict=True)}
    return x


def _isotonic(values: Sequence[float]) -> list[float]:
    """The non-decreasing sequence nearest to `values`: pool adjacent violators."""
    pools: list[tuple[float, int]] = []
    for value in values:
        pools.append((value, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    return [mean for mean, n in pools for _ in range(n)]


def _runs(
    edges: Sequence[Edge],
    chains: Mapping[Edge, tuple[str, ...]],
    placed: Mapping[str, Placed],
    lanes: Mapping[str, float],
    tops: Sequence[float],
    heights: Sequence[float],
) -> tuple[Run, ...]:
    ports = _ports(edges, chains, placed, lanes)
    found = []
    for edge in edges:
        start, end = placed[edge.start], placed[edge.end]
        down = end.row >= start.row
        inner: list[tuple[float, float]] = []
        for key in chains[edge][1:-1]:
            depth = int(key.rsplit("\0", 1)[1])
            inner += [(lanes[key], tops[depth] - 4), (lanes[key], tops[depth] + heights[depth] + 4)]
        if not down:
            inner.reverse()
        first = (ports[edge, True], start.y + start.height if down else start.y)
        arrives_above = end.row > start.row
        last = (ports[edge, False], end.y if arrives_above else end.y + end.height)
        found.append(Run(edge, (first, *inner, last), down, end.row <= start.row))
    return tuple(found)


def _ports(
    edges: Sequence[Edge],
    chains: Mapping[Edge, tuple[str, ...]],
    placed: Mapping[str, Placed],
    lanes: Mapping[str, float],
) -> dict[tuple[Edge, bool], float]:
    """Where each edge leaves (True) and arrives (False), sorted so that edges of one box do not cross."""
    sides: dict[tuple[str, bool], list[tuple[float, str, Edge, bool]]] = {}
    for edge in edges:
        chain = chains[edge] if placed[edge.end].row >= placed[edge.start].row else chains[edge][::-1]
        if placed[edge.end].row == placed[edge.start].row:
            chain = (edge.start, edge.end)
        for leaves, key, towards in ((True, edge.start, chain[1]), (False, edge.end, chain[-2])):
            other = edge.end if leaves else edge.start
            below = placed[other].row >= placed[key].row
            sides.setdefault((key, below), []).append((lanes[towards], other, edge, leaves))
    found = {}
    for (key, _below), ends in sides.items():
        ends.sort(key=lambda e: (e[0], e[1], e[3]))
        rooms = [e[2].room if e[3] else _LANE for e in ends]
        spare = (placed[key].width - 8 - sum(rooms)) / (len(ends) + 1)
        at = placed[key].x + 4 + spare
        for (_x, _other, edge, leaves), room in zip(ends, rooms, strict=True):
            found[edge, leaves] = at + room / 2
            at += room + spare
    return found
