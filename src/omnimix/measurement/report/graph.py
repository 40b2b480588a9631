"""The journey map as a picture: steps as boxes, moves as bands as wide as the people who make them.

in   JourneyMap; a PainReport where there is one
out  SVG markup, alone or inside a page; every exit, repeat and thin way is at least a number in a box

A box says how many made the step, and its strip what came next: on to another step, the same again, thin ways that
are not drawn, still open, left. The strip is always whole. Bands against the main direction are drawn in another
colour; what hurts is red and numbered as in the list of pain points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from markupsafe import Markup
from PIL import ImageFont

from omnimix.audience.journey.journey import EXIT, OPEN, OTHER, START, JourneyMap, Move
from omnimix.audience.journey.pain.record import PainPoint, PainReport
from omnimix.creative.image.render import FONTS
from omnimix.measurement.report.layout import Box, Edge, Layout, Placed, Run, lay_out
from omnimix.measurement.report.svg import box, tag, words
from omnimix.measurement.report.wording import count, share

_WIDE, _LINE, _PAD = 172.0, 14.0, 10.0
_BETWEEN = 84.0  # between rows: labels, arrows and bends
_BAND = 12.0  # width of the widest band
_LABEL = 40.0  # room of a band's share
_SPARE = 1.2  # a reader without our font has a wider one
_MOST_OUT = 4  # bands drawn out of one box
_MARKS = 3  # pain marks in one box
_KINDS = ("on", "again", "thin", "open", "exit")  # of the strip, left to right
_WORDS = {"on": "goes on", "again": "again at once", "thin": "rarer ways", "open": "open", "exit": "leaves"}


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its lines of text, what came next as shares that sum to 1, and pain marks by number."""

    key: str
    lines: tuple[str, ...]  # of the name
    people: str
    after: Mapping[str, float]
    marks: tuple[int, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        """The text below the number of people: leaving first, then what is not drawn as a band."""
        one = [
            f"{share(self.after[k])} {word}" for k, word in (("exit", "leave"), ("open", "open")) if self._has(k)
        ]
        two = [
            f"{share(self.after[k])} {word}" for k, word in (("again", "again"), ("thin", "rarer")) if self._has(k)
        ]
        return tuple(" · ".join(part) for part in (one, two) if part)

    def _has(self, kind: str) -> bool:
        return self.after.get(kind, 0) >= 0.0005


@dataclass(frozen=True, slots=True)
class Picture:
    """The map before it is drawn: boxes, bands in their places, and which band hurts."""

    nodes: Mapping[str, Node]
    moves: Mapping[tuple[str, str], Move]
    layout: Layout
    hurt: frozenset[tuple[str, str]]


def journey_graph(journey: JourneyMap, pain: PainReport | None = None, *, alone: bool = False) -> Markup:
    """The picture; without any step there is none. `alone`: a file of its own that follows light and dark."""
    if not journey.steps:
        return Markup("")
    picture = compose(journey, pain)
    layout = picture.layout
    widest = max((m.profiles for m in picture.moves.values()), default=1)
    parts: list[Markup] = [Markup("<style>{}</style>").format(Markup(_style(alone)))]  # noqa: S704 - our own sheet
    for run in sorted(layout.runs, key=lambda r: picture.moves[r.edge.start, r.edge.end].profiles):
        parts.append(_band(run, picture, widest))
    parts += [_box(picture.nodes[k], p) for k, p in layout.boxes.items()]
    parts += [_share(run, picture) for run in layout.runs]
    legend_y = layout.height + 14
    parts += _legend(legend_y)
    title = f"Journey map: {len(journey.steps)} steps, {count(journey.profiles)} people"
    width, height = max(layout.width, 620.0), legend_y + 16
    head = Markup("<title>{}</title>").format(title)
    size = (
        {"width": width, "height": height, "xmlns": "http://www.w3.org/2000/svg"}
        if alone
        else {"style": f"width:{width:.0f}px;max-width:none;min-width:0"}
    )
    svg = tag(
        "svg",
        head,
        *parts,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        class_="jm",
        role="list",
        aria_label=title,
        **size,
    )
    if alone:
        return svg
    return Markup('<div class="chart" tabindex="0" role="group" aria-label="{}">{}</div>').format(title, svg)


def compose(journey: JourneyMap, pain: PainReport | None = None) -> Picture:
    """Choose the bands that are drawn, say the rest in the boxes, and lay all of it out."""
    drawn = _drawn(journey)
    points = (*pain.points, *pain.standing) if pain else ()
    names = [s.step for s in journey.steps]
    nodes = {START: _start(journey)} | {s: _node(journey, s, drawn, points) for s in names}
    boxes = [Box(k, _WIDE, _height(n)) for k, n in nodes.items()]
    edges = [
        Edge(m.step, m.next_step, float(m.profiles), _LABEL if m.step != START else 14.0) for m in drawn.values()
    ]
    in_row = 3 if len(names) <= 6 else 4 if len(names) <= 16 else 6
    layout = lay_out(boxes, edges, in_row=in_row, between=_BETWEEN)
    hurt = frozenset(
        (m.step, m.next_step)
        for m in drawn.values()
        for p in points
        if p.next_step and _is_step(m.step, p.step) and _is_step(m.next_step, p.next_step)
    )
    return Picture(nodes, drawn, layout, hurt)


def _drawn(journey: JourneyMap) -> dict[tuple[str, str], Move]:
    """The strongest way into and out of every step, then the strongest overall while they can be followed."""
    names = {s.step for s in journey.steps}
    ways = [m for m in journey.moves if m.next_step in names and m.step != m.next_step]
    ways.sort(key=lambda m: (-m.profiles, -m.moves, m.step, m.next_step))
    most = round(len(names) * (1.8 if len(names) <= 16 else 1.3)) + 2
    chosen: dict[tuple[str, str], Move] = {}
    out: dict[str, int] = {}
    into: set[str] = set()
    for move in ways:  # every step is reached, along its strongest way
        if move.next_step not in into and out.get(move.step, 0) < _MOST_OUT:
            _choose(move, chosen, out)
            into.add(move.next_step)
    for move in ways:
        first = out.get(move.step, 0) == 0 and move.step != START
        if first or (len(chosen) < most and out.get(move.step, 0) < _MOST_OUT):
            _choose(move, chosen, out)
    return chosen


def _choose(move: Move, chosen: dict[tuple[str, str], Move], out: dict[str, int]) -> None:
    if (move.step, move.next_step) not in chosen:
        chosen[move.step, move.next_step] = move
        out[move.step] = out.get(move.step, 0) + 1


def _start(journey: JourneyMap) -> Node:
    begun = sum(m.moves for m in journey.moves_from(START))
    return Node(START, ("Start",), f"{count(begun)} paths", {}, ())


def _node(
    journey: JourneyMap, name: str, drawn: Mapping[tuple[str, str], Move], points: Sequence[PainPoint]
) -> Node:
    after = dict.fromkeys(_KINDS, 0.0)
    for move in journey.moves_from(name):
        kind = {EXIT: "exit", OPEN: "open", name: "again"}.get(move.next_step)
        after[kind or ("on" if (name, move.next_step) in drawn else "thin")] += move.share
    step = next(s for s in journey.steps if s.step == name)
    marks = tuple(i for i, p in enumerate(points, start=1) if _is_step(name, p.step))[:_MARKS]
    room = _WIDE - 2 * _PAD - 20 * len(marks)
    return Node(
        name, wrap("Other steps" if name == OTHER else name, room), f"{count(step.profiles)} people", after, marks
    )


def _is_step(name: str, step: str) -> bool:
    """Whether a pain point's step is this box; orders are numbered on the map, pain is not."""
    return name == step or (step == "Order Completed" and name.endswith((" order", " order or later")))


def wrap(text: str, room: float) -> tuple[str, ...]:
    """`text` in at most two lines that fit `room`; what does not fit ends in an ellipsis."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer) <= room or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    kept = lines[:2]
    if len(lines) > 2:
        kept[1] = f"{kept[1]} {' '.join(lines[2:])}"
    return tuple(_fit(line, room) for line in kept)


def _fit(line: str, room: float) -> str:
    if width_of(line) <= room:
        return line
    while line and width_of(line + "…") > room:
        line = line[:-1]
    return line.rstrip() + "…"


@cache
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONTS / file), size)


def width_of(text: str, *, bold: bool = True, size: float = 12.5) -> float:
    """The width of a line in user units, with a little over for a reader's other font."""
    face = _font("Figtree-Bold.ttf" if bold else "Figtree-Medium.ttf", 100)
    return float(face.getlength(text)) / 100 * size * _SPARE


def _height(node: Node) -> float:
    if node.key == START:
        return 44.0
    return 2 * _PAD + _LINE * (len(node.lines) + 1 + len(node.rows)) + 10


def _band(run: Run, picture: Picture, widest: int) -> Markup:
    move = picture.moves[run.edge.start, run.edge.end]
    wide = max(1.2, _BAND * move.profiles / widest)
    described = Markup("<title>{}</title>").format(
        f"{move.step} → {move.next_step}: {count(move.profiles)} people, {count(move.moves)} times, "
        f"{share(move.share)} of what follows"
    )
    kind = "back" if run.back else "start" if run.edge.start == START else "forward"
    hurt = " hurt" if (move.step, move.next_step) in picture.hurt else ""
    end_x, end_y = run.points[-1]
    from_above = run.points[-1][1] <= picture.layout.boxes[run.edge.end].y + 1
    tip = 1 if from_above else -1
    size = max(5.0, wide * 0.75)
    path = _curve((*run.points[:-1], (end_x, end_y - tip * size)))
    left, right, base = end_x - size * 0.7, end_x + size * 0.7, end_y - tip * size
    arrow = f"M{left:.1f} {base:.1f}L{right:.1f} {base:.1f}L{end_x:.1f} {end_y:.1f}Z"
    return tag(
        "g",
        described,
        tag("path", d=path, class_=f"band {kind}{hurt}", stroke_width=wide),
        tag("path", d=arrow, class_=f"tip {kind}{hurt}"),
    )


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Smooth from row to row, straight along a lane."""
    text = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(points):
        if abs(ax - bx) < 0.5:
            text += f"L{bx:.1f} {by:.1f}"
        elif abs(ay - by) < 30:  # within a row: a bow below it
            low = max(ay, by) + 46
            text += f"C{ax:.1f} {low:.1f} {bx:.1f} {low:.1f} {bx:.1f} {by:.1f}"
        else:
            middle = (ay + by) / 2
            text += f"C{ax:.1f} {middle:.1f} {bx:.1f} {middle:.1f} {bx:.1f} {by:.1f}"
    return text


def label_at(run: Run) -> tuple[float, float]:
    """Where the share of a band stands: the middle of its base line, beside where the band leaves."""
    x, y = run.points[0]
    return x, y + 15 if run.down else y - 7


def _share(run: Run, picture: Picture) -> Markup:
    if run.edge.start == START:
        return Markup("")
    move = picture.moves[run.edge.start, run.edge.end]
    return words(*label_at(run), share(move.share), "way", "middle")


def _box(node: Node, at: Placed) -> Markup:
    if node.key == START:
        shape = box(at.x, at.y, at.width, at.height, "node start", 22)
        middle = at.x + at.width / 2
        lines = [
            words(middle, at.y + 19, "Start", "name", "middle"),
            words(middle, at.y + 34, node.people, "n", "middle"),
        ]
        return tag("g", shape, *lines, role="listitem", tabindex=0, aria_label=f"Start: {node.people}")
    said = ", ".join(f"{share(v)} {_WORDS[k]}" for k, v in node.after.items() if v > 0)
    name = "Other steps" if node.key == OTHER else node.key
    parts = [
        Markup("<title>{}</title>").format(f"{name}: {node.people}; then {said}"),
        box(at.x, at.y, at.width, at.height, "node other" if node.key == OTHER else "node", 9),
    ]
    y = at.y + _PAD + 10
    for line in node.lines:
        parts.append(words(at.x + _PAD, y, line, "name"))
        y += _LINE
    for line in (node.people, *node.rows):
        parts.append(words(at.x + _PAD, y, line, "n"))
        y += _LINE
    parts += _strip(node, at)
    for place, mark in enumerate(node.marks):
        x = at.x + at.width - 14 - 20 * place
        parts += [
            tag("circle", cx=x, cy=at.y + 15, r=8.5, class_="mark"),
            words(x, at.y + 19, str(mark), "number", "middle"),
        ]
    hurts = f"; pain points {', '.join(map(str, node.marks))}" if node.marks else ""
    return tag("g", *parts, role="listitem", tabindex=0, aria_label=f"{name}: {node.people}; then {said}{hurts}")


def _strip(node: Node, at: Placed) -> list[Markup]:
    x, wide = at.x + _PAD, at.width - 2 * _PAD
    parts = []
    for kind in _KINDS:
        part = wide * node.after[kind]
        if part > 0:
            parts.append(box(x, at.y + at.height - 14, part, 6, f"strip {kind}", 0))
            x += part
    return parts


def _legend(y: float) -> list[Markup]:
    parts, x = [], 16.0
    for kind in _KINDS:
        parts += [box(x, y - 8, 16, 8, f"strip {kind}", 1), words(x + 22, y, _WORDS[kind], "n")]
        x += 34 + width_of(_WORDS[kind], bold=False, size=11.5)
    parts += [
        tag("path", d=f"M{x:.1f} {y - 4:.1f}h22", class_="band back", stroke_width=4),
        words(x + 28, y, "back", "n"),
    ]
    return parts


_LIGHT = {
    "ink": "#1f2328", "quiet": "#57606a", "paper": "#fff", "line": "#8b98a5", "on": "#6a8fb5",
    "again": "#b9a27a", "thin": "#c3ccd5", "open": "#dfe5ea",
    "exit": "#c2573c", "start": "#5f9c7e", "hurt": "#b3261e",
}  # fmt: skip
_DARK = {
    "ink": "#e8edf2", "quiet": "#a9b4bf", "paper": "#14181c", "line": "#66727e", "on": "#6f9ccb",
    "again": "#c2a670", "thin": "#4a5560", "open": "#323b44",
    "exit": "#e07a5f", "start": "#6fb592", "hurt": "#ff8a7a",
}  # fmt: skip


def _style(alone: bool) -> str:
    """The sheet of the picture, for nothing but it."""
    colours = "".join(f"--{k}:{v};" for k, v in _LIGHT.items())
    dark = "".join(f"--{k}:{v};" for k, v in _DARK.items())
    night = f"@media (prefers-color-scheme:dark){{svg.jm{{{dark}background:var(--paper)}}}}" if alone else ""
    return (
        f"svg.jm{{{colours}background:var(--paper);font-family:Figtree,system-ui,sans-serif}}{night}"
        ".jm .node{fill:var(--paper);stroke:var(--line);stroke-width:1.3}.jm .node.other{stroke-dasharray:4 3}"
        ".jm .node.start{stroke:var(--start);stroke-width:1.6}"
        ".jm g:focus-visible .node{stroke:var(--ink);stroke-width:3}.jm g:focus{outline:none}"
        ".jm .name{font-size:12.5px;font-weight:700;fill:var(--ink)}.jm .n{font-size:11.5px;fill:var(--quiet)}"
        ".jm .way{font-size:11.5px;fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3.5px}"
        ".jm .band{fill:none;stroke-opacity:.62;stroke:var(--on)}.jm .tip{fill:var(--on)}"
        ".jm .band.back{stroke:var(--again)}.jm .tip.back{fill:var(--again)}"
        ".jm .band.start{stroke:var(--start)}.jm .tip.start{fill:var(--start)}"
        ".jm .band.hurt{stroke:var(--hurt);stroke-opacity:.9}.jm .tip.hurt{fill:var(--hurt)}"
        ".jm .mark{fill:var(--hurt)}.jm .number{font-size:11px;font-weight:700;fill:var(--paper)}"
        + "".join(f".jm .strip.{kind}{{fill:var(--{kind})}}" for kind in _KINDS)
    )
