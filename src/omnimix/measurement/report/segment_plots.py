"""Pictures of the segments: who moved between them, and how far customers have drifted.

in   Report
out  SVG markup, empty where there is nothing to draw
"""

from collections.abc import Sequence

from markupsafe import Markup

from omnimix.audience.segment.drift import SEGMENTS, Level, Shift
from omnimix.audience.segment.movement import GONE, NEW, Move
from omnimix.measurement.report.record import Report
from omnimix.measurement.report.svg import box, cut, drawing, stroke, tag, words
from omnimix.measurement.report.wording import count, share, short_day

_WIDTH = 760
_LABEL = 232
_LETTERS = 31  # that fit beside a row
_SHIFTS = 12  # figures shown, the most moved
_AXIS = "where they are now (numbers as on the left)"
_SPOKEN = {NEW: "Not yet customers", GONE: "No longer known"}


def sizes_plot(report: Report) -> Markup:
    """How large the segments are."""
    if not report.segments:
        return Markup("")
    longest = max(s.share for s in report.segments)
    room, step = _WIDTH - _LABEL - 120, 34
    parts: list[Markup] = []
    for row, segment in enumerate(report.segments):
        y = 4.0 + row * step
        width = room * segment.share / max(longest, 1e-12)
        parts += _label(segment.name, y + step / 2, lines=2)
        parts += [
            box(_LABEL, y + 5, width, step - 10, f"bar {segment.origin}", 4),
            words(
                _LABEL + width + 8, y + step / 2 + 4, f"{count(segment.size)} · {share(segment.share)}", "value"
            ),
        ]
    return drawing(_WIDTH, 8 + len(report.segments) * step, parts, title="Sizes of the segments")


def movement_plot(report: Report) -> Markup:
    """Rows: the segment people were in; columns: where they are; the darker, the larger the share of the row."""
    movement = report.segment_watch.movement if report.segment_watch else None
    if movement is None or not movement.moves:
        return Markup("")
    rows = list(dict.fromkeys(m.segment for m in movement.moves))
    columns = sorted({m.next_segment for m in movement.moves}, key=lambda k: _place(k, report))
    side = min(44.0, (_WIDTH - _LABEL - 76) / len(columns))
    top = 40.0
    parts: list[Markup] = [words(_LABEL + side * len(columns) / 2, 12, _AXIS, "axis", "middle")]
    parts.append(words(_LABEL + side * len(columns) + 8, top - 8, "were in it", "axis"))
    number = {key: i + 1 for i, key in enumerate(columns)}
    for i, key in enumerate(columns):
        parts.append(words(_LABEL + (i + 0.5) * side, top - 8, str(number[key]), "axis", "middle"))
    cells = {(m.segment, m.next_segment): m for m in movement.moves}
    for row, was in enumerate(rows):
        y = top + row * side
        mark = f"{number[was]} " if was in number else ""
        parts.append(
            words(_LABEL - 10, y + side / 2 + 4, mark + cut(movement_name(was, report), 30), "label", "end")
        )
        for i, now in enumerate(columns):
            parts += _cell(cells.get((was, now)), _LABEL + i * side, y, side, report)
        parts.append(words(_LABEL + len(columns) * side + 8, y + side / 2 + 4, count(movement.were(was)), "value"))
    title = f"Movement between segments from {short_day(movement.before)} to {short_day(movement.after)}"
    return drawing(_WIDTH, top + len(rows) * side + 6, parts, title=title)


def drift_plot(report: Report) -> Markup:
    """The population stability index of the most moved figures, with the bounds of small and large changes."""
    drift = report.segment_watch.drift if report.segment_watch else None
    if drift is None:
        return Markup("")
    shown = drift.shifts[:_SHIFTS]
    reach = max(0.3, *(s.index for s in shown)) * 1.05
    room, top = _WIDTH - _LABEL - 130, 24.0
    bottom = top + len(shown) * 24
    parts: list[Markup] = []
    for bound, text in ((0.1, "small below 0.10"), (0.25, "large from 0.25")):
        x = _LABEL + room * bound / reach
        if bound == 0.25 or room * 0.15 / reach > 110:
            parts.append(words(x, 14, text, "axis", "middle"))
        parts.append(stroke(x, top - 4, x, bottom, "zero"))
    for row, shift in enumerate(shown):
        y = top + row * 24
        parts += [
            words(_LABEL - 10, y + 15, cut(figure_name(shift), 32), "label", "end"),
            box(_LABEL, y + 3, max(1.5, room * shift.index / reach), 16, f"shift {shift.level}", 3),
            words(_LABEL + room * shift.index / reach + 8, y + 15, f"{shift.index:.3f}", "value"),
        ]
    return drawing(_WIDTH, bottom + 4, parts, title=f"How far figures moved since {short_day(drift.since)}")


def alarms(shifts: Sequence[Shift]) -> int:
    """How many figures moved enough to raise an alarm."""
    return sum(s.level is Level.ALARM for s in shifts)


def figure_name(shift: Shift) -> str:
    """What a figure is called on the page."""
    if shift.figure == SEGMENTS:
        return "Sizes of the segments"
    family, _sep, key = shift.figure.partition(":")
    plain = family.replace("_minor", "").replace("_", " ")
    return f"{plain.removesuffix(' share').capitalize()}: {key}" if key else plain.capitalize()


def movement_name(key: str, report: Report) -> str:
    """A segment's name, or words for where people come from and go to."""
    return _SPOKEN.get(key) or report.segment_name(key)


def _label(text: str, y: float, *, lines: int) -> list[Markup]:
    """A name beside its row, broken at words and cut where it is too long for so many lines."""
    if len(text) <= _LETTERS or lines == 1:
        return [words(_LABEL - 10, y + 4, cut(text, _LETTERS), "label", "end")]
    first = text[: _LETTERS + 1].rpartition(" ")[0] or text[:_LETTERS]
    rest = text[len(first) :].strip()
    return [
        words(_LABEL - 10, y - 3, first, "label", "end"),
        words(_LABEL - 10, y + 11, cut(rest, _LETTERS), "label", "end"),
    ]


def _place(key: str, report: Report) -> tuple[int, str]:
    order = [s.key for s in report.segments]
    return (order.index(key) if key in order else len(order) + (key == GONE), key)


def _cell(move: Move | None, x: float, y: float, side: float, report: Report) -> list[Markup]:
    if move is None:
        return [box(x + 1, y + 1, side - 2, side - 2, "cell none", 2)]
    said = (
        f"{movement_name(move.segment, report)} → {movement_name(move.next_segment, report)}: "
        f"{count(move.profiles)} people, {share(move.share)}"
    )
    stays = " stays" if move.segment == move.next_segment else ""
    shade = 0.08 + 0.87 * move.share
    parts = [
        tag(
            "rect",
            Markup("<title>{}</title>").format(said),
            x=x + 1,
            y=y + 1,
            width=side - 2,
            height=side - 2,
            rx=2,
            class_=f"cell{stays}",
            fill_opacity=f"{shade:.2f}",
        )
    ]
    if side >= 30:
        text = f"{move.share:.0%}" if move.share >= 0.005 else "<1%"
        ink = "cell-text light" if shade > 0.5 else "cell-text"
        parts.append(words(x + side / 2, y + side / 2 + 4, text, ink, "middle"))
    return parts
