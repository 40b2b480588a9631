"""`omnimix pacing`: plan against spent of a campaign's budget, today.

in   a campaign's key
out  figures and two rows of bars by hour; everything as JSON
"""

from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, CampaignArgument, JsonOption, WorkspaceOption, opened
from omnimix.flow.pacing import Standing, pace_of, recount_all, standing

_BARS = " ▁▂▃▄▅▆▇█"
RecountOption = Annotated[
    bool, typer.Option("--recount", help="Give back what killed workers hold, from decisions and bills.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pacing")(pacing)


def pacing(
    campaign: CampaignArgument,
    recount: RecountOption = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """How today's money is spent: planned and spent by hour, what is on loan, who takes part.

    Caps are \\[campaign] daily_budget and \\[pacing] total_budget of the campaign's file; they hold over all
    workers. \\[pacing] way = "even" spends at one level, "forecast" as the traffic of that hour of the week
    usually is, "at_once" as fast as it comes. Only what costs counts: \\[pacing] cost_per_thousand, and bids.
    """
    with opened(workspace) as (settings, machine):
        job = settings.job(campaign)
        pace = pace_of(machine, job)
        if recount:
            recount_all(machine, {campaign: pace})
        store = machine.online()
        try:
            found = standing(store, pace, machine.clock())
        finally:
            store.close()
    if json:
        show.as_json(found)
    else:
        _print(found, machine.currency)
    return 0


def _print(found: Standing, currency: str) -> None:
    def money(micros: int) -> str:
        return f"{micros / 1e6:,.2f} {currency}"

    top = max(*found.plan, *found.spent, 1)
    rows = [
        ("cap of the day", money(found.daily)),
        ("cap in all", money(found.total) if found.total is not None else "none"),
        ("spent on earlier days", money(found.spent_before)),
        ("planned by now", money(found.planned_by_now)),
        ("spent today", money(found.spent_today)),
        ("on loan to workers", f"{money(found.on_loan)} ({found.workers})"),
        ("opportunities that take part", f"{found.chance:.1%}" if found.workers else "nobody serves"),
    ]
    show.as_table((f"{found.campaign}, {found.date}, {found.way}", ""), rows)
    show.out.print(f"plan   [dim]│[/]{bars(found.plan, top)}[dim]│[/] by hour, highest {money(top)}")
    show.out.print(f"spent  [dim]│[/][bold]{bars(found.spent, top)}[/][dim]│[/]")
    if found.missing:
        show.out.print(
            f"{len(found.missing)} worker(s) ended without a word; their loan comes back with: "
            f"omnimix pacing {found.campaign} --recount",
            soft_wrap=True,
        )


def bars(values: tuple[int, ...], top: int) -> str:
    """One bar a value, of eight heights; anything above nothing shows."""
    return "".join(_BARS[max(-(-8 * v // top), 0)] for v in values)
