"""`omnimix pain`: what hurts, since when, whom, and what it costs; and the people behind each.

in   the artifact of the last run
out  tables or JSON; profile ids
"""

from typing import Annotated

import typer

from omnimix.audience.journey.pain.record import Interval, PainPoint, PainReport
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.money import Money
from omnimix.flow.pain import people_behind


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pain")(pain)


def pain(
    behind: Annotated[
        str, typer.Option("--behind", help="List the people hurt by the pain point of this key instead.")
    ] = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """What hurts in journeys: loops, drop-offs, errors, slow steps and calls for help, and since when.

    Nobody needs to say where to look. Each pain point has a start and an end, says who is hurt and what it costs,
    and is one incident, in however many numbers it shows. Changes of traffic are listed apart: that more people
    came is no pain. Run `omnimix run` first.
    """
    with opened(workspace) as (_, machine):
        if behind:
            people = people_behind(machine, behind)
        else:
            report = machine.artifacts.load("pain", PainReport)
    if behind:
        if json:
            show.as_json(people)
        else:
            for profile in people:
                show.out.print(profile)
        return
    if json:
        show.as_json(report)
    else:
        _print(report)


def _print(report: PainReport) -> None:
    if report.first_on is None:
        show.out.print("There is no visit of anybody known: nothing to look at.")
        return
    show.out.print(
        f"[bold]{report.sessions:,} visits of {report.profiles:,} people, {report.first_on} to "
        f"{report.last_on}[/]; {report.scanned:,} rates scanned; at most "
        f"{report.rate_of_false:.0%} of findings are false.",
        soft_wrap=True,
    )
    if not (report.points or report.standing):
        show.out.print("No pain point found.")
    for point in (*report.points, *report.standing):
        _print_point(point, report.currency)
    for title, sentences in (
        ("Traffic", [t.sentence for t in report.traffic]),
        ("Who converts", [c.sentence for c in report.contrasts]),
        ("Cohorts", [c.sentence for c in report.cohorts]),
        ("Not looked at", report.notes),
    ):
        if sentences:
            show.out.print(f"\n[bold]{title}[/]")
            for sentence in sentences:
                show.out.print(f"  {sentence}", markup=False, soft_wrap=True)


def _print_point(point: PainPoint, currency: str) -> None:
    show.out.print(f"\n[bold]{point.kind}[/]  ", end="")
    show.out.print(point.sentence, markup=False, soft_wrap=True)
    if point.period:
        ends = (
            f"{point.period.ends_from} to {point.period.ends_to}" if point.period.ends_on else "not ended so far"
        )
        show.out.print(
            f"  starts {point.period.starts_from} to {point.period.starts_to}, ends {ends}", markup=False
        )
    if point.lost_minor:
        show.out.print(f"  lost margin {_money(point.lost_minor, currency)} (grade: {point.grade})", markup=False)
    if point.also:
        show.out.print(f"  shows also in {'; '.join(point.also)}", markup=False, soft_wrap=True)
    show.out.print(f"  q {point.q_value:.2g}   --behind '{point.key}'", markup=False, soft_wrap=True)


def _money(found: Interval, currency: str) -> str:
    value, low, high = (Money(round(v), currency) for v in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"
