"""`omnimix personas`: the portraits of the segments.

in   artifacts of the last run
out  statements with their evidence
"""

import typer

from omnimix.audience.persona.persona import Persona
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.money import Money


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("personas")(personas)


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
        if persona.narrative and (persona.narrative.refused or persona.narrative.writer != "template"):
            told = persona.narrative.refused or f"told by {persona.narrative.writer}: {persona.narrative.text}"
            show.out.print(f"  [dim]{told}[/]", soft_wrap=True)
        for s in persona.statements:
            low, high = (_figure(value, s.unit, currency) for value in (s.low, s.high))
            show.out.print(f"  {s.text}  [dim]95 %: {low} to {high}, n {s.n:,}[/]", soft_wrap=True)
        for path in persona.paths:
            steps = " → ".join(path.steps)
            show.out.print(
                f"  Way of {path.people:,} people ({path.share:.0%}, everybody {path.base:.0%}): {steps}",
                soft_wrap=True,
            )


def _figure(value: float, unit: str, currency: str) -> str:
    if unit == "minor":
        return str(Money(round(value), currency))
    return f"{value:.0%}" if unit == "share" else f"{value:,.1f}"
