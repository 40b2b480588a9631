"""The journey beyond its map, ready for the page: opportunities, catalysts, paths, differences, pain.

in   the journey's records
out  plots and rows
"""

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from omnimix.audience.journey.insight import (
    Catalyst,
    Catalysts,
    Comparison,
    Context,
    Continuation,
    Difference,
    Opportunities,
    PathMap,
)
from omnimix.measurement.report.charts import Bar, Span, bars, forest
from omnimix.measurement.report.wording import between, count, share, wait, whole

_DIFFERENCES, _CONTEXTS = 12, 8


def opportunity_plot(found: Opportunities) -> Markup:
    """What one more visit of a hundred is worth at each step, with intervals."""
    spans = []
    for o in found.items:
        text = between(whole(o.low, found.currency), whole(o.high, found.currency))
        spans.append(Span(o.step, o.point_minor, o.low, o.high, text))
    axis = "margin gained if one of a hundred more visits carried on"
    return forest(spans, title="Opportunities", axis=axis, ends=("loses", "gains"))


def catalyst_plot(found: Catalysts) -> Markup:
    """How much more often people bought after each event that could be judged, with intervals."""
    judged = [c for c in found.items if c.verdict != "too few"]
    spans = [Span(c.event, c.difference, c.low, c.high, f"{_points(c.difference)}, {c.verdict}") for c in judged]
    axis = f"points more that bought in the next {found.period_days} days than matched people without the event"
    return forest(spans, title="Catalysts", axis=axis, ends=("buy less often", "buy more often"))


def suppressed(found: Catalysts) -> tuple[Catalyst, ...]:
    """Those whose placebo failed, with the reason."""
    return tuple(c for c in found.items if c.verdict == "suppressed")


def conversion_plot(found: PathMap) -> Markup:
    """How many got from each step to the goal, and how long it took."""
    items = [
        Bar(
            c.step,
            c.share,
            f"{share(c.share)} of {count(c.profiles)}" + (f", after {wait(c.median)}" if c.median else ""),
        )
        for c in found.conversions
    ]
    return bars(items, title=f"From each step to {found.goal}")


def memories(found: PathMap) -> list[tuple[Context, Continuation]]:
    """The contexts that move most people, each with the way on that it changes most."""
    chosen = found.contexts[:_CONTEXTS]
    return [(c, max(c.continuations, key=lambda w: (abs(w.share - w.usual), w.next_step))) for c in chosen]


def differences(found: Iterable[Comparison]) -> list[tuple[Comparison, Difference]]:
    """What surely differs between groups: of each dimension the differences that move most people."""
    rows = []
    for comparison in found:
        sure = [d for d in comparison.differences if d.flagged]
        sure.sort(key=lambda d: (-abs(d.difference) * d.of, d.group, d.step, d.next_step))
        rows += [(comparison, d) for d in sure[: max(3, _DIFFERENCES // 4)]]
    return rows[:_DIFFERENCES]


def context(
    paths: PathMap | None,
    comparisons: Sequence[Comparison],
    opportunities: Opportunities | None,
    catalysts: Catalysts | None,
) -> dict[str, Any]:
    """What the page's journey section shows besides the map."""
    return {
        "conversions_plot": conversion_plot(paths) if paths and paths.conversions else "",
        "memories": memories(paths) if paths else (),
        "differences": differences(comparisons),
        "opportunities_plot": opportunity_plot(opportunities) if opportunities and opportunities.items else "",
        "catalysts_plot": catalyst_plot(catalysts) if catalysts and catalysts.items else "",
        "suppressed": suppressed(catalysts) if catalysts else (),
    }


def _after(seconds: float | None) -> str:
    return f", after {wait(seconds)}" if seconds is not None else ""


def _points(value: float) -> str:
    return f"{100 * value:+.1f} points".replace("-", "−")
