"""`omnimix online`: rebuild the online state, compare it with the facts, look at one person's.

in   facts, the online store
out  counts, disagreements, one state; pseudonyms only
"""

from typing import Annotated, Any

import msgspec
import typer

from omnimix.activation.decide.state import State, basket, categories
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.flow.online import disagreements, rebuild, state_of

_SHOWN = 10  # disagreements listed

online = typer.Typer(
    no_args_is_help=True,
    help="What is known of each person now: rebuild it, compare it with the facts, look at it.",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(online, name="online")


@online.command("rebuild")
def rebuild_(
    anew: Annotated[
        bool, typer.Option(help="Forget every state first; of what was shown only what was logged remains.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Write everybody's state from the facts, with what the last run found out.

    A run does it at its end, the server when it finds no state. It may run while the server does: decisions go on,
    events are followed a little later.
    """
    with opened(workspace) as (_, machine):
        people = rebuild(machine, _quiet if json else _tell, anew=anew)
    if json:
        show.as_json({"people": people})
    else:
        show.out.print(f"{people:,} people")
    return 0


@online.command("check")
def check(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """Compare the states with the facts, field by field. Exit code 1 when they disagree.

    People who came by a run's files since the last rebuild are not known yet: then `omnimix online rebuild`.
    """
    with opened(workspace) as (_, machine):
        found = disagreements(machine, _quiet if json else _tell)
    first = found[:_SHOWN]
    if json:
        show.as_json({"disagreements": len(found), "first": first})
    elif not found:
        show.out.print("online state and facts agree")
    else:
        rows = [(d.person, d.field, d.live, d.facts) for d in first]
        show.as_table(("person", "field", "online", "facts"), rows, title=f"{len(found):,} disagreements")
        show.err.print("→ omnimix online rebuild")
    return 1 if found else 0


@online.command("show")
def show_(
    person: Annotated[str, typer.Argument(help="A profile id (pf_…) or a key as `omnimix profiles` shows it.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """One person's state: standing, behaviour, basket, consent, what was shown."""
    with opened(workspace) as (_, machine):
        state = state_of(machine, person)
    found = _told(state)
    if json:
        show.as_json(found)
    else:
        show.as_table(("what", "value"), [(k, v) for k, v in found.items() if v not in (0, "", {}, [], ())])
    return 0


def _told(state: State) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(msgspec.structs.asdict(state), str_keys=True)
    return plain | {"basket": basket(state), "categories": categories(state)}


def _tell(step: str) -> None:
    show.err.print(f"[dim]{step}[/]")


def _quiet(_step: str) -> None:
    """Progress that nobody looks at."""
