"""Charts: bars, forests, waterfalls, weeks and stages, each a pure function from numbers to SVG.

in   small records with the words to show
out  SVG markup
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from omnimix.measurement.report.svg import box, cut, drawing, stroke, tag, words

_WIDTH = 760
_LABEL = 210


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its share of the longest, the number beside it, and a remark."""

    label: str
    value: float
    text: str
    class_: str = "bar"


@dataclass(frozen=True, slots=True)
class Span:
    """One estimate with its interval; infinite bounds mean that nothing is known yet."""

    label: str
    estimate: float
    low: float
    high: float
    text: str

    @property
    def class_(self) -> str:
        """good above zero, bad below, open when the interval holds zero."""
        return "good" if self.low > 0 else "bad" if self.high < 0 else "open"


@dataclass(frozen=True, slots=True)
class Fall:
    """One step of a waterfall: an amount that adds or takes away, or a total that stands on the ground."""

    label: str
    amount: float
    text: str
    total: bool = False


def bars(items: Sequence[Bar], *, title: str, simulated: bool = False) -> Markup:
    """Horizontal bars; none of them gives nothing."""
    if not items:
        return Markup("")
    top = 26 if simulated else 6
    longest = max(max(b.value for b in items), 1e-12)
    room = _WIDTH - _LABEL - 190
    parts: list[Markup] = []
    for row, bar in enumerate(items):
        y = top + row * 32
        width = room * max(0.0, bar.value) / longest
        parts += [
            words(_LABEL - 10, y + 17, cut(bar.label, 30), "label", "end"),
            box(_LABEL, y + 3, width, 20, bar.class_, 4),
            words(_LABEL + width + 8, y + 17, bar.text, "value"),
        ]
    return drawing(_WIDTH, top + len(items) * 32, parts, title=title, simulated=simulated)


def forest(
    spans: Sequence[Span],
    *,
    title: str,
    axis: str,
    ends: tuple[str, str] = ("costs more than it earns", "pays"),
    simulated: bool = False,
) -> Markup:
    """Estimates with their intervals about a line at zero; what is not known is a dashed line."""
    if not spans:
        return Markup("")
    finite = [v for s in spans for v in (s.low, s.high, s.estimate) if math.isfinite(v)]
    reach = max([abs(v) for v in finite] or [1.0]) * 1.08 or 1.0
    left, right = _LABEL + 20, _WIDTH - 180
    middle, top = (left + right) / 2, 34

    def place(value: float) -> float:
        return middle + max(-1.0, min(1.0, value / reach)) * (right - left) / 2

    height = top + len(spans) * 34 + 26
    parts: list[Markup] = [
        stroke(middle, top - 12, middle, height - 24, "zero"),
        words(middle, height - 6, axis, "axis", "middle"),
        words(left, 14, f"◂ {ends[0]}", "axis"),
        words(right, 14, f"{ends[1]} ▸", "axis", "end"),
    ]
    for row, span in enumerate(spans):
        parts += _span(
            span, top + row * 34 + 14, (left, right), place(span.low), place(span.high), place(span.estimate)
        )
    return drawing(_WIDTH, height, parts, title=title, simulated=simulated)


def _span(span: Span, y: float, edges: tuple[float, float], low: float, high: float, at: float) -> list[Markup]:
    known = math.isfinite(span.low) and math.isfinite(span.high)
    line = (
        stroke(low, y, high, y, f"span {span.class_}", 4)
        if known
        else stroke(edges[0], y, edges[1], y, "span unknown", 2)
    )
    mark = tag("circle", cx=at, cy=y, r=5.5, class_=f"mark {span.class_}") if known else Markup("")
    return [
        words(_LABEL, y + 4, cut(span.label, 31), "label", "end"),
        line,
        mark,
        words(edges[1] + 14, y + 4, span.text, "value"),
    ]


def waterfall(falls: Sequence[Fall], *, title: str, simulated: bool = False) -> Markup:
    """From the first amount to the last total; amounts above zero rise, below zero fall."""
    if not falls:
        return Markup("")
    levels, running = [], 0.0
    for fall in falls:
        start = 0.0 if fall.total else running
        end = fall.amount if fall.total else running + fall.amount
        levels.append((start, end))
        running = end
    low = min(0.0, *(min(pair) for pair in levels))
    high = max(0.0, *(max(pair) for pair in levels))
    scale = 190 / max(high - low, 1e-9)
    step = (_WIDTH - 20) / len(falls)
    top = 50 if simulated else 32
    ground = top + high * scale
    parts: list[Markup] = [stroke(10, ground, _WIDTH - 10, ground, "zero")]
    for place, (fall, (start, end)) in enumerate(zip(falls, levels, strict=True)):
        x, y = 10 + place * step + step * 0.14, top + (high - max(start, end)) * scale
        kind = "total" if fall.total else "rise" if fall.amount >= 0 else "fall"
        parts += [
            box(x, y, step * 0.72, max(abs(end - start) * scale, 1.5), f"block {kind}", 3),
            words(x + step * 0.36, y - 6, fall.text, "value", "middle"),
            words(x + step * 0.36, top + 228, cut(fall.label, int(step / 6.4)), "label", "middle"),
        ]
    return drawing(_WIDTH, top + 242, parts, title=title, simulated=simulated)


@dataclass(frozen=True, slots=True)
class Course:
    """One estimate's way through the weeks."""

    label: str
    spans: Sequence[Span]


def courses(items: Sequence[Course], *, title: str, simulated: bool = False) -> Markup:
    """Small multiples: how each interval narrowed from look to look."""
    drawn = [c for c in items if c.spans]
    if not drawn:
        return Markup("")
    width = (_WIDTH - 10) / len(drawn)
    values = [abs(v) for c in drawn for s in c.spans[1:] or c.spans for v in (s.low, s.high) if math.isfinite(v)]
    reach = max(values or [1.0]) or 1.0
    parts: list[Markup] = []
    for place, course in enumerate(drawn):
        parts += _course(course, 5 + place * width, width, reach)
    return drawing(_WIDTH, 190, parts, title=title, simulated=simulated)


def _course(course: Course, x: float, width: float, reach: float) -> list[Markup]:
    middle, half = 104.0, 62.0

    def level(value: float) -> float:
        return middle - max(-1.0, min(1.0, value / reach)) * half

    parts = [
        words(x + width / 2, 36, cut(course.label, int(width / 7)), "label", "middle"),
        stroke(x + 8, middle, x + width - 8, middle, "zero"),
    ]
    step = (width - 24) / max(1, len(course.spans))
    for number, span in enumerate(course.spans):
        at = x + 12 + (number + 0.5) * step
        parts.append(
            stroke(at, level(span.low), at, level(span.high), f"span {span.class_}", min(6.0, step * 0.4))
        )
        if math.isfinite(span.low):
            parts.append(tag("circle", cx=at, cy=level(span.estimate), r=2.6, class_=f"mark {span.class_}"))
    parts.append(words(x + width / 2, 184, f"week 1 to {len(course.spans)}", "axis", "middle"))
    return parts


def stages(columns: Sequence[tuple[str, Sequence[tuple[str, float]]]], *, title: str) -> Markup:
    """Stacked columns, one a day: each holds (stage, share) in the same order."""
    if not columns:
        return Markup("")
    names = [name for name, _ in columns[-1][1]]
    step = (_WIDTH - 190) / len(columns)
    parts: list[Markup] = []
    for place, (day, shares) in enumerate(columns):
        x, y = 10 + place * step, 10.0
        for name, value in shares:
            height = 190 * value
            index = names.index(name) if name in names else 9
            parts.append(box(x + step * 0.1, y, step * 0.8, height, f"stage s{index}", 0))
            if height >= 16 and step >= 50:
                parts.append(words(x + step / 2, y + height / 2 + 4, f"{value:.0%}", f"inside s{index}", "middle"))
            y += height
        parts.append(words(x + step / 2, 218, day, "axis", "middle"))
    for index, name in enumerate(names):
        y = 16 + index * 24
        parts += [box(_WIDTH - 165, y, 14, 14, f"stage s{index}", 3), words(_WIDTH - 144, y + 12, name, "value")]
    return drawing(_WIDTH, 226, parts, title=title)
