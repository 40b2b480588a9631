"""`omnimix enrichment`: what was bought of people, how often it is right, and whether that pays.

in   the audits of the last run
out  a table, and a sentence for each trait
"""

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.money import exponent
from omnimix.flow.enrichment import audits_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("enrichment")(enrichment)


def enrichment(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """How often each provider's traits are right, against break-even; what is below is not used for targeting.

    Right is what people said themselves, or do: the country they order to, the language they read. Break-even is
    the share that would be right by the best guess, plus price ÷ worth of being right ([enrichment] in
    omnimix.toml).
    """
    with opened(workspace) as (_, machine):
        found, currency = audits_of(machine), machine.currency
    if json:
        show.as_json(found)
        return
    if not found:
        show.out.print(
            "No traits of a provider: nothing was bought. Declare a source with "
            'holds = "enrichment", provider and price_minor_per_profile, then run.',
            soft_wrap=True,
        )
        return
    places = exponent(currency)
    show.as_table(
        (
            "provider",
            "trait",
            "covers",
            "compared",
            "right",
            "95 %",
            "guess",
            "break-even",
            f"gain {currency}",
            "verdict",
        ),
        [
            (
                a.provider,
                a.trait,
                f"{a.coverage:.0%}",
                a.compared,
                _share(a.agreement),
                f"{_share(a.low)} to {_share(a.high)}" if a.low is not None else "",
                _share(a.guess),
                _share(a.break_even),
                "" if a.gain_minor is None else f"{a.gain_minor / 10**places:,.{places + 1}f}",
                str(a.verdict),
            )
            for a in found
        ],
        title="Enrichment: is it right, and does that pay?",
    )
    for audit in found:
        show.out.print(audit.text, soft_wrap=True)
    if any(a.worth_assumed for a in found):
        show.out.print(
            "What being right is worth is assumed; set worth_minor in [enrichment] once you have measured it.",
            soft_wrap=True,
        )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
