"""The page: fills the templates with a Report.

in   Report
out  the text of one HTML file that needs nothing besides itself
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from omnimix.activation.experiment.ladder import FOLLOW, Rung
from omnimix.core.finding import Severity
from omnimix.creative.brief.brief import BROAD
from omnimix.creative.image.palette import legible, mix
from omnimix.creative.image.render import FONTS
from omnimix.creative.review.queue import Candidate, Status
from omnimix.creative.variant import Variant
from omnimix.measurement.report import insights, plots, segment_plots, wording
from omnimix.measurement.report import value as valued
from omnimix.measurement.report.graph import journey_graph
from omnimix.measurement.report.portrait import enrichment_plot, portrait
from omnimix.measurement.report.record import Report
from omnimix.measurement.report.thumbnail import data_uri, font_uri
from omnimix.measurement.report.verdict import answer, figures, next_steps

_EVERY = ("landscape", "square", "story")  # of every variant
_FULL = ("portrait", "skyscraper", "rectangle", "leaderboard")  # beside those, of a brief's first variant
_FILTERS = (
    "between",
    "count",
    "day",
    "marked",
    "measured",
    "money",
    "plain",
    "ratio",
    "share",
    "thousand",
    "wait",
    "whole",
)


def render_report(report: Report) -> str:
    """One self-contained HTML file: styles, fonts, charts and pictures inside, no request to anywhere.

    Whatever the report lacks is said in words. The same report gives the same text.
    """
    environment = Environment(
        loader=PackageLoader("omnimix.measurement.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in _FILTERS:
        environment.filters[name] = getattr(wording, name)
    environment.filters["channel"] = plots.name_of
    return environment.get_template("page.html").render(_context(report))


def _context(report: Report) -> dict[str, Any]:
    journey = report.journey
    pictures = _pictures(report)
    segments = sorted({e.segment for e in report.last.effects if e.segment is not None}) if report.last else []
    return {
        "r": report,
        "last": report.last,
        "answer": answer(report),
        "figures": figures(report),
        "steps": next_steps(report),
        "style": _style(report),
        "graph": journey_graph(journey, report.pain) if journey else "",
        **insights.context(report.paths, report.comparisons, report.opportunities, report.catalysts),
        "funnel": plots.funnel_plot(journey.funnel, "Funnel") if journey else "",
        "repeat": plots.funnel_plot(journey.repeat, "Repeat orders") if journey else "",
        "stages": plots.stage_plot(journey) if journey else "",
        "mediums": plots.medium_plot(journey) if journey else "",
        "portraits": [portrait(p, report.currency) for p in report.personas],
        "enrichment_plot": enrichment_plot(report.enrichment),
        "segment_plot": segment_plots.sizes_plot(report),
        "movement_plot": segment_plots.movement_plot(report),
        "drift_plot": segment_plots.drift_plot(report),
        "movement_name": segment_plots.movement_name,
        "value_deciles": valued.decile_plot(report.value) if report.value else "",
        "value_calibration": valued.calibration_plot(report.value) if report.value else "",
        "value_scores": valued.score_rows(report.value) if report.value else (),
        "lanes": _lanes(report),
        "unclicked": sum(r["conversions"] for r in report.performance.get("channel", ()) if not r["impressions"]),
        "ladder": plots.ladder_plot(report, None),
        "ladders": [(report.segment_name(s), plots.ladder_plot(report, s)) for s in segments],
        "courses": plots.course_plot(report) if len(report.looks) > 1 else "",
        "channel_plot": plots.channel_plot(report),
        "channels": plots.paid(report.performance.get("channel", ())),
        "variants": _variant_rows(report),
        "cost": plots.cost,
        "books": plots.books_plot(report),
        "galleries": list(_galleries(report, pictures)),
        "status": _status_counts(report.candidates),
        "found": [(c, f) for c in report.candidates for f in c.findings if f.severity is not Severity.NOTE],
        "queued": sum(c.status is Status.QUEUED for c in report.candidates),
    }


def _lanes(report: Report) -> list[tuple[str, int, float]]:
    """Lane, people, people planned, in the order of the ladder."""
    whole = next((c for c in report.last.checks if c.segment is None), None) if report.last else None
    if whole is None:
        return []
    order = [*map(str, Rung), FOLLOW]
    lanes = sorted({*whole.people, *whole.expected}, key=lambda n: (order.index(n) if n in order else 99, n))
    return [(lane, whole.people.get(lane, 0), whole.expected.get(lane, 0.0)) for lane in lanes]


def _style(report: Report) -> Markup:
    """The brand's own colours, as far as they can be read on white, and the fonts of the package."""
    colours = report.brand.colours
    ink = legible(colours.primary, "#ffffff", ratio=4.5)
    variables = (
        f":root{{--brand:{ink};--accent:{legible(colours.accent, '#ffffff')};"
        f"--soft:{mix('#ffffff', ink, 0.07)};--mid:{mix('#ffffff', ink, 0.45)}}}"
    )
    faces = "".join(
        f"@font-face{{font-family:'{family}';font-weight:{weight};src:url({font_uri(FONTS / file)})}}"
        for family, weight, file in (
            ("Fraunces", 600, "Fraunces-SemiBold.ttf"),
            ("Figtree", 400, "Figtree-Medium.ttf"),
            ("Figtree", 700, "Figtree-Bold.ttf"),
        )
    )
    sheets = sorted((Path(__file__).parent / "templates").glob("*.css"), key=lambda p: (p.name != "style.css", p))
    sheet = "".join(path.read_text(encoding="utf-8") for path in sheets)
    return Markup("{}").format(Markup(variables + faces + sheet))  # noqa: S704 - our own sheet and checked colours


def _shown(report: Report) -> tuple[Candidate, ...]:
    return tuple(c for c in report.candidates if c.status is not Status.WITHDRAWN)


def _galleries(report: Report, pictures: dict[str, str]) -> Iterable[dict[str, Any]]:
    """One gallery a brief, the broad one first; each variant with the pictures that are embedded."""
    keys = dict.fromkeys(c.variant.brief for c in _shown(report))
    briefs = {b.key: b for b in report.briefs}
    for key in sorted(keys, key=lambda k: (k != BROAD, k)):
        group = sorted(
            (c for c in _shown(report) if c.variant.brief == key), key=lambda c: (c.variant.step, c.variant_id)
        )
        yield {
            "name": "Everybody (broad)" if key == BROAD else report.segment_name(key),
            "brief": briefs.get(key),
            "variants": [
                {"c": c, "v": c.variant, "pictures": [i for i in c.variant.images if pictures.get(i.path)]}
                for c in group
            ],
            "uri": pictures,
        }


def _pictures(report: Report) -> dict[str, str]:
    """Path → data URI of every picture the page shows."""
    folder = report.pictures
    if folder is None:
        return {}
    wanted = [path for c in _shown(report) for path in _wanted(c.variant, _first(report, c))]
    with ThreadPoolExecutor(max_workers=2) as pool:  # decoding leaves the interpreter free
        return dict(zip(wanted, pool.map(lambda path: data_uri(folder / path), wanted), strict=True))


def _first(report: Report, candidate: Candidate) -> bool:
    group = (c for c in _shown(report) if c.variant.brief == candidate.variant.brief)
    return candidate is min(group, key=lambda c: (c.variant.step, c.variant_id))


def _wanted(variant: Variant, first: bool) -> list[str]:
    sizes = (*_EVERY, *_FULL) if first else _EVERY
    return [i.path for i in variant.images if i.size in sizes]


def _status_counts(candidates: Iterable[Candidate]) -> dict[str, int]:
    counts = dict.fromkeys((str(s) for s in Status), 0)
    for candidate in candidates:
        counts[str(candidate.status)] += 1
    return {status: n for status, n in counts.items() if n}


def _variant_rows(report: Report) -> list[dict[str, Any]]:
    """Performance by variant, with the words that tell which it is."""
    words = {c.variant_id: c.variant for c in report.candidates}
    rows = []
    for row in plots.paid(report.performance.get("variant_id", ())):
        variant = words.get(row["variant_id"])
        headline = variant.headlines[0] if variant and variant.headlines else row["variant_id"]
        brief = report.segment_name(variant.brief) if variant else ""
        rows.append({**row, "headline": headline, "brief": "broad" if brief == BROAD else brief})
    return rows
