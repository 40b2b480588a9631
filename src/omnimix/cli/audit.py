"""`omnimix audit`: what was done by whom, and whether the record is whole.

in   the ledger's audit, its anchor
out  entries; a verdict
"""

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.governance.audit import entries, verify

group = typer.Typer(no_args_is_help=True, help="What was done by whom, and whether the record is whole.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="audit")


@group.command("verify")
def verify_command(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """Recompute the chain. Exit 1 and the entry's number when it is broken."""
    with opened(workspace) as (_, machine), machine.ledger() as session:
        verdict = verify(session, machine.anchor)
    if json:
        show.as_json(
            {"intact": verdict.intact, "entries": verdict.entries, "broken": verdict.broken, "why": verdict.why}
        )
    elif verdict.intact:
        show.out.print(f"intact: {verdict.entries} entries")
    else:
        place = f"entry {verdict.broken}" if verdict.broken else "the chain"
        show.out.print(f"broken: {place}: {verdict.why}", soft_wrap=True)
    return 0 if verdict.intact else 1


@group.command("list")
def list_command(
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
    last: int = typer.Option(50, help="How many of the newest entries."),
) -> None:
    """List the newest entries, the oldest of them first."""
    with opened(workspace) as (_, machine), machine.ledger() as session:
        found = list(entries(session))[-last:]
    if json:
        show.as_json(found)
    else:
        show.as_table(
            ("number", "at", "actor", "action", "subject"),
            [(e.number, e.at[:19], e.actor, e.action, e.subject) for e in found],
        )
