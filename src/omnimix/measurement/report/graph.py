"""The journey map as a picture: steps in a row, moves as bands as wide as the people who make them.

in   JourneyMap
out  SVG markup; exits and steps beyond the picture are shown, so that nobody disappears
"""

from collections.abc import Sequence

from markupsafe import Markup

from omnimix.audience.journey.journey import EXIT, OPEN, START, JourneyMap, Move
from omnimix.measurement.report.svg import box, cut, drawing, tag, words
from omnimix.measurement.report.wording import count, share

_MOST = 8  # steps that fit side by side and stay readable
_BAND = 20.0  # width of the widest band
_GAP, _ROW = 40.0, 170.0


def shown_steps(journey: JourneyMap) -> tuple[str, ...]:
    """The most visited steps, in the order in which people mostly take them."""
    names = [s.step for s in journey.steps[:_MOST]]
    moves = {(m.step, m.next_step): m.profiles for m in journey.moves}
    ordered: list[str] = []
    at = START
    while len(ordered) < len(names):
        left = [n for n in names if n not in ordered]
        at = max(
            left, key=lambda name: (moves.get((at, name), 0), moves.get((START, name), 0), -names.index(name))
        )
        ordered.append(at)
    return tuple(ordered)


def journey_graph(journey: JourneyMap) -> Markup:
    """The picture; without any step there is none."""
    names = shown_steps(journey)
    if not names:
        return Markup("")
    wide = min(150.0, max(104.0, (960 - _GAP * len(names)) / len(names)))
    place = {name: 20 + i * (wide + _GAP) for i, name in enumerate(names)}
    widest = max((m.profiles for m in journey.moves), default=1) or 1
    inside = [m for m in journey.moves if m.step in place and m.next_step in place and m.step != m.next_step]
    parts: list[Markup] = []
    for move in sorted(inside, key=lambda m: m.profiles):
        parts.append(_band(move, place[move.step], place[move.next_step], wide, _BAND * move.profiles / widest))
    for name in names:
        parts += _ends(journey, name, place[name] + wide / 2, widest)
    for name in names:
        parts += _node(journey, name, place[name], wide)
    width = max(760.0, 40 + len(names) * (wide + _GAP) - _GAP)
    title = f"Journey map: {len(names)} steps, {count(journey.profiles)} profiles"
    return drawing(width, 372, parts, title=title)


def _band(move: Move, start: float, end: float, wide: float, width: float) -> Markup:
    """Forward moves arch above the row, moves back below it; neighbours are joined straight."""
    described = Markup("<title>{}</title>").format(
        f"{move.step} → {move.next_step}: {count(move.profiles)} profiles, {share(move.share)} of moves"
    )
    forward = end > start
    if forward and abs(end - start - wide - _GAP) < 1:
        path = f"M{start + wide:.0f} {_ROW + 29:.0f} L{end:.0f} {_ROW + 29:.0f}"
    else:
        side = -1 if forward else 1
        edge = _ROW if forward else _ROW + 58
        a, b = (start + wide * 0.7, end + wide * 0.3) if forward else (start + wide * 0.2, end + wide * 0.8)
        lift = edge + side * min(110.0, 26 + abs(b - a) * 0.17)
        path = f"M{a:.0f} {edge:.0f} C{a:.0f} {lift:.0f} {b:.0f} {lift:.0f} {b:.0f} {edge:.0f}"
    kind = "forward" if forward else "back"
    return tag("path", described, d=path, class_=f"band {kind}", stroke_width=max(1.0, width))


def _ends(journey: JourneyMap, name: str, at: float, widest: int) -> list[Markup]:
    """Who begins here comes from above, who leaves goes down, who may still move stands beside."""
    parts: list[Markup] = []
    begun = _moves(journey.moves_from(START), name)
    if begun:
        width = max(1.0, _BAND * begun.profiles / widest)
        parts += [
            tag("path", d=f"M{at:.0f} 34 L{at:.0f} {_ROW:.0f}", class_="band start", stroke_width=width),
            words(at, 24, f"{count(begun.profiles)} start", "axis", "middle"),
        ]
    for target, shift, word, kind in ((EXIT, -10, "leave", "exit"), (OPEN, 28, "open", "waiting")):
        gone = _moves(journey.moves_from(name), target)
        if gone:
            width, x = max(1.0, _BAND * gone.profiles / widest), at + shift
            low = 318 if kind == "exit" else 296
            parts += [
                tag(
                    "path",
                    d=f"M{x:.0f} {_ROW + 58:.0f} L{x:.0f} {low:.0f}",
                    class_=f"band {kind}",
                    stroke_width=width,
                ),
                words(x, low + 18, f"{share(gone.share)} {word}", "axis", "middle"),
            ]
    return parts


def _moves(moves: Sequence[Move], target: str) -> Move | None:
    return next((m for m in moves if m.next_step == target), None)


def _node(journey: JourneyMap, name: str, x: float, wide: float) -> list[Markup]:
    step = next(s for s in journey.steps if s.step == name)
    again = _moves(journey.moves_from(name), name)
    repeat = f" · {share(again.share)} again" if again else ""
    return [
        box(x, _ROW, wide, 58, "node", 9),
        words(x + wide / 2, _ROW + 24, cut(name, int(wide / 6.6)), "node-name", "middle"),
        words(x + wide / 2, _ROW + 43, f"{count(step.profiles)}{repeat}", "node-count", "middle"),
    ]
