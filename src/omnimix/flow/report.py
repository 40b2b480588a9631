"""The report as a step of a run: everything known so far on one page.

in   artifacts, review, the run's journal, the final account where there is one
out  out/report.html, out/journey.svg, out/journey.json
"""

from collections.abc import Mapping
from typing import TypeVar
from uuid import uuid4

from omnimix import __version__
from omnimix.audience.journey.insight import Catalysts, Comparison, Opportunities, PathMap
from omnimix.audience.journey.journey import JourneyMap
from omnimix.audience.journey.pain.record import PainReport
from omnimix.audience.persona.persona import Persona
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.audience.segment.watch import Watch
from omnimix.audience.value.record import ValueReport
from omnimix.core.hashing import digest
from omnimix.creative.brief.brief import Brief
from omnimix.creative.review.queue import Candidate, Status, candidates
from omnimix.flow.activate import Foresight
from omnimix.flow.enrichment import audits_of
from omnimix.flow.journey import journey_files
from omnimix.flow.machine import Job, Machine
from omnimix.flow.measure import Result
from omnimix.flow.people import MARGIN_SHARE
from omnimix.flow.segment_watch import WATCH
from omnimix.flow.step import Counts, StepResult, journal
from omnimix.governance.audit import verify
from omnimix.measurement.report.page import render_report
from omnimix.measurement.report.record import Report, StageLine

T = TypeVar("T")
SIMULATED = frozenset({"simulated market", "measurement"})  # steps whose rows are made up


def write_report(machine: Machine, job: Job) -> Counts:
    """Write out/report.html from whatever there is. Never fails for what is not there yet."""
    page = render_report(gather_report(machine, job))
    machine.out.mkdir(parents=True, exist_ok=True)
    target = machine.out / "report.html"
    draft = target.with_name(f".{uuid4().hex}.html")
    draft.write_text(page, encoding="utf-8")
    draft.replace(target)
    if machine.artifacts.has("journey"):
        journey_files(machine)
    return Counts(1, 1, unit_in="report", unit_out="report", detail={"kB": len(page.encode()) // 1000})


def gather_report(machine: Machine, job: Job) -> Report:
    """Collect the records of all stages."""
    key = job.campaign.key
    run = {r.name: r for r in journal(key, machine.ledger)}
    segmentation = _maybe(machine, "segmentation", Segmentation)
    # What a simulated market left behind is no result of a campaign that is not simulated any more.
    result = _maybe(machine, f"{key}/result", Result) if job.simulator else None
    foresight = _maybe(machine, f"{key}/foresight", tuple[Foresight, ...]) or ()
    with machine.ledger() as session:
        shown = tuple(c for c in candidates(session, key) if c.status is not Status.WITHDRAWN)
        audit = verify(session, machine.anchor)
    return Report(
        brand=machine.brand,
        currency=machine.currency,
        made_at=machine.clock(),
        campaign=job.campaign,
        ladder=job.ladder,
        stages=tuple(_line(r, simulated=bool(job.simulator)) for r in run.values() if r.name != "report"),
        journey=_maybe(machine, "journey", JourneyMap),
        paths=_maybe(machine, "paths", PathMap),
        comparisons=_maybe(machine, "comparisons", tuple[Comparison, ...]) or (),
        opportunities=_maybe(machine, "opportunities", Opportunities),
        catalysts=_maybe(machine, "catalysts", Catalysts),
        pain=_maybe(machine, "pain", PainReport),
        segments=segmentation.segments if segmentation else (),
        segmentation=segmentation,
        segment_watch=_maybe(machine, WATCH, Watch),
        value=_maybe(machine, "value", ValueReport),
        personas=_maybe(machine, "personas", tuple[Persona, ...]) or (),
        enrichment=audits_of(machine),
        briefs=_maybe(machine, f"{key}/briefs", tuple[Brief, ...]) or (),
        candidates=shown,
        pictures=machine.out,
        power=foresight[-1].verdicts if foresight else (),
        looks=result.readings if result else (),
        performance=result.performance if result else {},
        statement=result.statement if result else None,
        irrelevance_rate=result.irrelevance_rate if result else None,
        simulated=job.simulator is not None,
        made_with=_made_with(shown, audit.intact, audit.entries),
        notes=_notes(machine, run, foresight, simulated=job.simulator is not None),
    )


def _maybe(machine: Machine, name: str, kind: type[T]) -> T | None:
    return machine.artifacts.load(name, kind) if machine.artifacts.has(name) else None


def _line(result: StepResult, *, simulated: bool) -> StageLine:
    detail = dict(result.detail)
    return StageLine(
        name=result.name,
        rows_in=result.rows_in,
        rows_out=result.rows_out,
        rejected=result.rejected,
        seconds=result.seconds,
        unit_in=detail.pop("unit_in", "rows"),
        unit_out=detail.pop("unit_out", "rows"),
        set_aside=detail.pop("set_aside", {}),
        detail=detail,
        simulated=simulated and result.name in SIMULATED,
    )


def _made_with(shown: tuple[Candidate, ...], intact: bool, entries: int) -> dict[str, str]:
    approved = sorted(c.digest for c in shown if c.status is Status.APPROVED)
    return {
        "Omnimix": __version__,
        "approved variants": f"{len(approved)}, digest {digest(approved)[:16]}",
        "audit": f"{'intact' if intact else 'BROKEN'}, {entries} entries",
    }


def _left_out(run: Mapping[str, StepResult]) -> list[str]:
    """Whose data are kept and not used: robots', and of people who refuse measurement."""
    notes = []
    robots, consent = run.get("robots"), run.get("consent")
    if robots and robots.rows_in > robots.rows_out:
        reasons = ", ".join(f"{n:,} {why}" for why, n in robots.detail["set_aside"].items())
        share = 1 - robots.rows_out / robots.rows_in
        notes.append(f"{share:.1%} of {robots.rows_in:,} events are robots' and left out: {reasons}.")
    if consent and consent.rows_in > consent.rows_out:
        notes.append(
            f"{consent.rows_in - consent.rows_out:,} of {consent.rows_in:,} people refuse measurement: nothing of "
            "them is on the map."
        )
    return notes


def _notes(
    machine: Machine, run: Mapping[str, StepResult], foresight: tuple[Foresight, ...], *, simulated: bool
) -> tuple[str, ...]:
    notes = [f"Where the catalogue names no margin, {MARGIN_SHARE:.0%} of the price is assumed (grade: assumed)."]
    if machine.as_of:
        notes.append(f"Behaviour is reckoned as of {machine.as_of:%Y-%m-%d}, where the data end.")
    notes += _left_out(run)
    if machine.consent_assumed:
        notes.append(f"Consent is assumed where a person said nothing: {', '.join(machine.consent_assumed)}.")
    if simulated:
        notes.append(
            "The simulated market's effects are planted, by formula, on the shop's own purchase rates. They show "
            "that the loop finds what is there; how large lift, ROMI and ROAS are says nothing about real ads."
        )
    for base in foresight[:1]:
        known = sum(v.knowable for v in base.verdicts)
        notes.append(
            f"With {base.people:,} {base.whom} alone, {known} of {len(base.verdicts)} comparisons could be known "
            f"in {base.weeks} weeks."
        )
    return tuple(notes)
