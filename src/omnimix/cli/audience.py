"""`omnimix journey`, `personas`: look at what was found; list the people behind a number.

in   artifacts of the last run
out  tables; profile ids
"""

from typing import Annotated

import typer

from omnimix.audience.journey.behind import behind_move, behind_stage, behind_step
from omnimix.audience.journey.journey import JourneyMap
from omnimix.audience.persona.persona import Persona
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.money import Money
from omnimix.flow.journey import journey_tables

group = typer.Typer(no_args_is_help=True, help="The journey map, and the people behind its numbers.")
StepOption = Annotated[str, typer.Option("--step", help="People who made this step.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="journey")
    app.command("personas")(personas)


@group.command("map")
def map_command(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Steps, moves with their shares and waits, and lifecycle stages. Exits and others are shown."""
    with opened(workspace) as (_, machine):
        found = machine.artifacts.load("journey", JourneyMap)
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("step", "visits", "people", "share"),
        [(s.step, s.visits, s.profiles, f"{s.share:.1%}") for s in found.steps],
        title=f"Journey of {found.profiles:,} people as of {found.as_of:%Y-%m-%d}",
    )
    show.as_table(
        ("from", "to", "moves", "people", "share", "median wait"),
        [(m.step, m.next_step, m.moves, m.profiles, f"{m.share:.1%}", _wait(m.median)) for m in found.moves],
    )
    show.as_table(
        ("lifecycle stage", "people", "share"), [(s.stage, s.profiles, f"{s.share:.1%}") for s in found.stages]
    )


@group.command("behind")
def behind(
    step: StepOption = "",
    to: Annotated[str, typer.Option("--to", help="… and then this one, (exit) or (open).")] = "",
    stage: Annotated[str, typer.Option("--stage", help="People in this lifecycle stage today.")] = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the profiles behind a number of the map; there are exactly as many as the map says."""
    if bool(step) == bool(stage):
        raise typer.BadParameter("name either --step (with or without --to) or --stage")
    with opened(workspace) as (_, machine):
        rows = journey_tables(machine)
        if stage:
            table = behind_stage(rows["stages_0"], stage)
        else:
            table = behind_move(rows["moves"], step, to) if to else behind_step(rows["moves"], step)
        found = sorted(machine.warehouse.arrow(table)["profile_id"].to_pylist())
    if json:
        show.as_json(found)
    else:
        for profile in found:
            show.out.print(profile)


def personas(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """The personas: statements with value, comparison, interval and number of people."""
    with opened(workspace) as (_, machine):
        currency = machine.currency
        found = machine.artifacts.load("personas", tuple[Persona, ...])
    if json:
        show.as_json(found)
        return
    for persona in found:
        show.out.print(f"[bold]{persona.headline}[/]", soft_wrap=True)
        for s in persona.statements:
            low, high = (_figure(value, s.unit, currency) for value in (s.low, s.high))
            show.out.print(f"  {s.text}  [dim]95 %: {low} to {high}, n {s.n:,}[/]", soft_wrap=True)


def _figure(value: float, unit: str, currency: str) -> str:
    if unit == "minor":
        return str(Money(round(value), currency))
    return f"{value:.0%}" if unit == "share" else f"{value:,.1f}"


def _wait(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / 86_400:.1f} days" if seconds >= 86_400 else f"{seconds / 60:.0f} min"
