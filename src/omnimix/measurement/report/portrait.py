"""Pictures of a persona: how it differs, when it orders, what it pays, its words and its ways.

in   Persona records; audits of enrichment
out  small SVG drawings that stay readable at a phone's width, and the rows beside them
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from omnimix.audience.persona.persona import Hours, Kind, Path, Persona, PriceRange, Statement
from omnimix.data.enrichment.audit import TraitAudit, Verdict
from omnimix.measurement.report.svg import box, cut, stroke, tag, words
from omnimix.measurement.report.wording import measured, money, share

_WIDE = 360.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MOST = 6  # differences in the picture
_REACH = 2.0  # doublings to either side
_WORDS, _OBJECTIONS = 12, 4
_MARKS = {Verdict.USED: "good", Verdict.UNKNOWN: "open", Verdict.UNSURE: "open"}


@dataclass(frozen=True, slots=True)
class Portrait:
    """What the page shows of one persona before its statements."""

    persona: Persona
    differences: Markup
    week: Markup
    prices: Markup
    words: tuple[tuple[str, str, float], ...]  # word, share against everybody's, size of its letters in rem
    objections: tuple[Statement, ...]
    paths: tuple[Path, ...]


def portrait(persona: Persona, currency: str) -> Portrait:
    """Everything drawn of one persona."""
    said = sorted(persona.of_kind(Kind.WORD), key=lambda s: (-_ratio(s), s.subject))[:_WORDS]
    told = tuple((s.subject, f"{share(s.value)} against {share(s.base)}", _size(s)) for s in said)
    return Portrait(
        persona,
        difference_plot(persona, currency),
        week_map(persona.hours) if persona.hours else Markup(""),
        price_plot(persona.prices, currency) if persona.prices else Markup(""),
        told,
        persona.of_kind(Kind.OBJECTION)[:_OBJECTIONS],
        persona.paths,
    )


def _ratio(statement: Statement) -> float:
    return statement.value / statement.base if statement.base > 0 else 1.0


def _size(statement: Statement) -> float:
    return round(min(1.5, max(0.9, 0.75 + 0.25 * _ratio(statement))), 2)


def _picture(height: float, parts: Sequence[Markup | str], title: str) -> Markup:
    named = Markup("<title>{}</title>").format(title)
    return tag(
        "svg", named, *parts, viewBox=f"0 0 {_WIDE:.0f} {height:.0f}", class_="mini", role="img", aria_label=title
    )


def difference_plot(persona: Persona, currency: str) -> Markup:
    """The strongest differences as doublings and halvings of everybody's figure; the line is the 95 % interval."""
    drawn = [
        s for s in persona.statements if s.kind is not Kind.WORD and s.value > 0 and s.base > 0 and s.low >= 0
    ][:_MOST]
    if not drawn:
        return Markup("")
    middle, half, top, step = _WIDE / 2, _WIDE / 2 - 14, 22.0, 47.0
    parts: list[Markup] = [
        words(middle - 6, 11, "◂ less than everybody", "axis", "end"),
        words(middle + 6, 11, "more than everybody ▸", "axis"),
    ]
    for row, s in enumerate(drawn):
        y = top + row * step

        def place(value: float, base: float = s.base) -> float:
            doublings = math.log2(value / base) if value > 0 else -_REACH
            return middle + max(-_REACH, min(_REACH, doublings)) / _REACH * half

        at, kind = place(s.value), "more" if s.value > s.base else "less"
        figures = f"{measured(s.value, s.unit, currency)} · everybody {measured(s.base, s.unit, currency)}"
        parts += [
            words(0, y + 8, cut(_capital(s.metric), 58), "label"),
            stroke(middle, y + 12, middle, y + 23, "zero"),
            box(min(middle, at), y + 13, max(2.0, abs(at - middle)), 9, f"differs {kind}", 2),
            stroke(place(s.low), y + 17.5, place(s.high), y + 17.5, "interval", 1.5),
            words(0, y + 34, figures, "axis"),
        ]
    return _picture(top + len(drawn) * step, parts, f"How {persona.segment.name} differ from everybody")


def week_map(hours: Hours) -> Markup:
    """Weekday by hour: the darker, the larger the share of their orders; framed where most above everybody's."""
    left, top = 30.0, 4.0
    width, height = (_WIDE - left) / 24, 15.0
    most = max((v for row in hours.share for v in row), default=0.0) or 1.0
    gains = {
        (day, hour): value - hours.base[day][hour]
        for day, row in enumerate(hours.share)
        for hour, value in enumerate(row)
    }
    best = max(gains, key=lambda cell: (gains[cell], cell))
    parts: list[Markup] = []
    for day, row in enumerate(hours.share):
        parts.append(words(left - 5, top + day * height + 11, _DAYS[day], "axis", "end"))
        for hour, value in enumerate(row):
            told = f"{share(value, 1)} of their orders, everybody {share(hours.base[day][hour], 1)}"
            title = Markup("<title>{}</title>").format(f"{_DAYS[day]} {hour}:00: {told}")
            parts.append(
                tag(
                    "rect",
                    title,
                    x=left + hour * width,
                    y=top + day * height,
                    width=width - 1,
                    height=height - 1,
                    rx=2,
                    class_="hour",
                    fill_opacity=f"{0.06 + 0.94 * value / most:.2f}",
                )
            )
    day, hour = best
    if gains[best] > 0:
        parts.append(
            tag(
                "rect",
                x=left + hour * width - 0.5,
                y=top + day * height - 0.5,
                width=width,
                height=height,
                rx=2,
                class_="frame",
            )
        )
    low = top + 7 * height + 11
    parts += [words(left + at * width + width / 2, low, f"{at}:00", "axis", "middle") for at in (0, 6, 12, 18)]
    return _picture(low + 4, parts, f"When they order, by weekday and hour; {hours.n:,} customers")


def price_plot(prices: PriceRange, currency: str) -> Markup:
    """What eight in ten usually pay apiece, above the same of everybody, on a scale of doublings."""
    figures = (prices.low, prices.high, prices.base_low, prices.base_high)
    least, most = (math.log(max(1.0, v)) for v in (min(figures), max(figures)))
    room = max(most - least, 0.1)

    def place(value: float) -> float:
        return 22 + (math.log(max(1.0, value)) - least) / room * (_WIDE - 44)

    parts: list[Markup] = []
    rows = (
        ("they", prices.low, prices.middle, prices.high, "own"),
        ("everybody", prices.base_low, prices.base_middle, prices.base_high, "all"),
    )
    for row, (who, low, middle, high, kind) in enumerate(rows):
        y = 8 + row * 46.0
        ends = max(place(high) - place(low), 3.0)
        parts += [
            words(0, y + 4, who, "axis"),
            box(place(low), y + 9, ends, 12, f"range {kind}", 6),
            tag("circle", cx=place(middle), cy=y + 15, r=4.5, class_=f"typical {kind}"),
        ]
        labels = ((low, "start", 0.0), (high, "end", _WIDE))
        parts += [words(edge, y + 34, money(value, currency), "axis", anchor) for value, anchor, edge in labels]
        parts.append(words(_WIDE / 2, y + 34, f"typically {money(middle, currency)}", "axis", "middle"))
    return _picture(92, parts, f"Usual unit price of eight in ten; {prices.n:,} customers")


def enrichment_plot(audits: Sequence[TraitAudit]) -> Markup:
    """How often each bought trait is right, its interval, the best guess and break-even."""
    drawn = [a for a in audits if a.agreement is not None and a.low is not None and a.high is not None]
    if not drawn:
        return Markup("")
    left, right, top, step = 6.0, _WIDE - 6, 6.0, 54.0

    def place(value: float) -> float:
        return left + max(0.0, min(1.0, value)) * (right - left)

    parts: list[Markup] = []
    for row, a in enumerate(drawn):
        y, kind = top + row * step, _MARKS.get(a.verdict, "bad")
        low, high, at = a.low or 0.0, a.high or 0.0, a.agreement or 0.0
        even = min(1.0, a.break_even or 0.0)
        parts += [
            words(left, y + 9, cut(f"{a.provider}: {a.trait}", 34), "label"),
            words(right, y + 9, cut(str(a.verdict), 22), "value", "end"),
            stroke(left, y + 21, right, y + 21, "rail", 2),
            box(place(even), y + 15, right - place(even), 12, "pays", 2),
            stroke(place(low), y + 21, place(high), y + 21, f"span {kind}", 4),
            tag("circle", cx=place(at), cy=y + 21, r=4.5, class_=f"mark {kind}"),
            stroke(place(even), y + 13, place(even), y + 29, "even", 2),
            words(left, y + 40, f"right {share(at)} · guess {share(a.guess or 0)}", "axis"),
            words(right, y + 40, f"break-even {share(a.break_even or 0)}", "axis", "end"),
        ]
    return _picture(top + len(drawn) * step, parts, "How often bought traits are right, against break-even")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
