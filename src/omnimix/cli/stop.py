"""`omnimix stop`, `resume`: the kill switch.

in   a campaign's key, or --all; who does it and why
out  within a second no worker serves it and no channel takes it; the audit says who did it
"""

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from omnimix.activation.decide import stop as switch
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import InvalidInput
from omnimix.flow.stop import set_stop
from omnimix.settings import Settings

_Campaign = Annotated[str | None, typer.Argument(help="The campaign's key: the name of its file.")]
_All = Annotated[bool, typer.Option("--all", help="Every campaign.")]
_By = Annotated[str, typer.Option("--by", help="Who does it; your login name if left out.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("stop")(stop)
    app.command("resume")(resume)


def stop(
    campaign: _Campaign = None,
    everything: _All = False,
    why: Annotated[str, typer.Option(help="The reason, for the audit; no names of people.")] = "",
    listed: Annotated[bool, typer.Option("--list", help="Only tell what is stopped.")] = False,
    by: _By = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Stop serving a campaign at once: decisions, bids, and writing to ad channels.

    Workers obey within a second. What ad platforms run already is theirs to stop: pause it there.
    [bold]omnimix resume CAMPAIGN[/] lifts the stop; nothing else does.
    """
    with opened(workspace) as (settings, machine):
        if not listed:
            name = _named(campaign, everything, settings)
            set_stop(machine, name, stopped=True, by=by or getpass.getuser(), why=why)
        online = machine.online()
        try:
            found = switch.stops(online)
        finally:
            online.close()
    rows = [(name, _at(s.at_us), s.actor, s.why) for name, s in sorted(found.items())]
    if json:
        show.as_json({"stopped": [dict(zip(("campaign", "at", "by", "why"), row, strict=True)) for row in rows]})
    elif rows:
        show.as_table(("stopped", "at", "by", "why"), [("everything", *r[1:]) if r[0] == "*" else r for r in rows])
    else:
        show.out.print("nothing is stopped")
    return 0


def resume(
    campaign: _Campaign = None,
    everything: _All = False,
    by: _By = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Let a stopped campaign be served again; --all lifts every stop."""
    with opened(workspace) as (settings, machine):
        name = _named(campaign, everything, settings, known=False)
        set_stop(machine, name, stopped=False, by=by or getpass.getuser())
    if json:
        show.as_json({"resumed": name})
    else:
        show.out.print("everything is served again" if name == switch.ALL else f"{name} is served again")
    return 0


def _named(campaign: str | None, everything: bool, settings: Settings, *, known: bool = True) -> str:
    if bool(campaign) == everything:
        raise InvalidInput("name one campaign, or --all", fix="omnimix stop CAMPAIGN, or omnimix stop --all")
    if campaign and known:
        settings.job(campaign)
    return campaign or switch.ALL


def _at(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")
