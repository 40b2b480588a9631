"""Plots: which charts a report shows, drawn from its records.

in   Report
out  SVG markup, empty where there is nothing to draw
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from omnimix.activation.experiment.ladder import Rung
from omnimix.audience.journey.journey import FunnelStep, JourneyMap
from omnimix.measurement.books.entry import Account
from omnimix.measurement.lift.effect import Effect
from omnimix.measurement.lift.stats import micros_per_minor
from omnimix.measurement.report.charts import (
    Bar,
    Course,
    Fall,
    Span,
    bars,
    courses,
    forest,
    stages,
    waterfall,
)
from omnimix.measurement.report.record import Report
from omnimix.measurement.report.wording import between, count, plain, share, short_day, thousand, wait, whole

_AXIS = "margin a week per thousand people against the rung below, after all costs"


def span_of(effect: Effect, currency: str, label: str) -> Span:
    """An effect per thousand profile-weeks, in major-unit text."""
    text = between(thousand(effect.low, currency), thousand(effect.high, currency))
    return Span(label, effect.estimate * 1000, effect.low * 1000, effect.high * 1000, text)


def ladder_plot(report: Report, segment: str | None) -> Markup:
    """The forest of one segment's rungs, or of everybody's."""
    found = [e for e in report.last.effects if e.segment == segment] if report.last else []
    spans = [span_of(e, report.currency, f"{e.rung} against {e.against}") for e in found]
    title = f"Increment of each rung for {report.segment_name(segment)}"
    return forest(spans, title=title, axis=_AXIS, simulated=report.simulated)


def course_plot(report: Report) -> Markup:
    """How the intervals of everybody's rungs narrowed from week to week."""
    items = [
        Course(str(rung), [span_of(e, report.currency, "") for e in _through(report, rung)])
        for rung in Rung
        if rung.below is not None
    ]
    return courses(items, title="Intervals of each rung, week by week", simulated=report.simulated)


def _through(report: Report, rung: Rung) -> list[Effect]:
    return [e for look in report.looks for e in look.effects if e.segment is None and e.rung is rung]


def funnel_plot(funnel: Sequence[FunnelStep], title: str) -> Markup:
    """How far people got, with the usual wait since the step before."""
    items = []
    for step in funnel:
        since = f", after {wait(step.median)}" if step.median is not None and step.place else ""
        items.append(
            Bar(step.step, step.profiles, f"{count(step.profiles)} · {share(step.share_of_first)}{since}")
        )
    return bars(items, title=title) if any(step.profiles for step in funnel) else Markup("")


def stage_plot(journey: JourneyMap) -> Markup:
    """Lifecycle stages over the earlier days and now."""
    days = sorted({c.as_of for c in journey.history} | {c.as_of for c in journey.stages})
    columns = []
    for day in days:
        here = [c for c in (*journey.history, *journey.stages) if c.as_of == day]
        shares = {c.stage: c.share for c in here}
        columns.append((short_day(day), [(plain(s.stage), shares.get(s.stage, 0.0)) for s in journey.stages]))
    return stages(columns, title="Lifecycle stages over time") if journey.stages else Markup("")


def medium_plot(journey: JourneyMap) -> Markup:
    """Where touches came from."""
    items = [Bar(m.medium, m.share, f"{count(m.touches)} · {share(m.share)}") for m in journey.mediums[:10]]
    return bars(items, title="Touches by medium")


def channel_plot(report: Report) -> Markup:
    """Media cost by channel."""
    rows = paid(report.performance.get("channel", ()))
    items = [
        Bar(name_of(r["channel"]), r["cost_micros"], whole(cost(r, report.currency), report.currency))
        for r in rows
    ]
    return bars(items, title="Media cost by channel", simulated=report.simulated)


def paid(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows that were shown or cost something, the dearest first."""
    live = [r for r in rows if r.get("impressions") or r.get("cost_micros")]
    return sorted(live, key=lambda r: (-r["cost_micros"], str(sorted(r.items(), key=str))))


def cost(row: Mapping[str, Any], currency: str) -> float:
    """Media cost of a row in minor units."""
    return int(row["cost_micros"]) / micros_per_minor(currency)


_CHANNELS = {
    "google_ads_editor": "Google Ads",
    "meta_bulk": "Meta",
    "microsoft_bulk": "Microsoft Advertising",
    "email_files": "E-mail",
    "simulator": "Simulated market",
}


def name_of(channel: str) -> str:
    """A channel's name as a reader knows it."""
    return _CHANNELS.get(channel, plain(channel))


def books_plot(report: Report) -> Markup:
    """From the margin the campaign caused, over its costs, to what is left."""
    books = report.statement
    if books is None or books.romi is None:
        return Markup("")
    media, fee = books.cost(Account.MEDIA), books.cost(Account.PLATFORM)
    others = (Account.CREATIVE, Account.REVIEW, Account.DATA)
    caused = books.romi.net + books.costs
    falls = [Fall("margin caused", caused, whole(caused, report.currency), total=True)]
    for label, minor in (("media", media), ("platform", fee), *((str(a), books.cost(a)) for a in others)):
        if minor:
            falls.append(Fall(label, -minor, whole(-minor, report.currency)))
    falls.append(Fall("net", books.romi.net, whole(books.romi.net, report.currency), total=True))
    return waterfall(falls, title="From margin caused to net", simulated=books.simulated)
