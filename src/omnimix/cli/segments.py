"""`omnimix segments`: what they are, who is in them, who moved, whether customers changed.

in   artifacts and facts of the last run; for a past day, what had happened by then
out  tables; profile ids
"""

from datetime import datetime
from typing import Annotated

import typer
from ibis import _

from omnimix.audience.segment.movement import Movement
from omnimix.audience.segment.segmentation import Segmentation
from omnimix.audience.segment.watch import Watch
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import NotFound
from omnimix.flow.machine import Machine
from omnimix.flow.people import fact
from omnimix.flow.segment_watch import WATCH, movement_between
from omnimix.flow.segments import ask_anew, segments_on

group = typer.Typer(help="The segments: rules, fit, members, movement, drift.")
DAYS = ["%Y-%m-%d"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="segments")


@group.callback(invoke_without_command=True)
def segments(
    context: typer.Context,
    as_of: Annotated[
        datetime | None,
        typer.Option("--as-of", formats=DAYS, help="Find the segments of that day, from what was known by then."),
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """The segments, each with its rule, how well the rule fits, and how surely the segment is found again.

    Precision: how many of those the rule picks are members. Recall: how many members it picks. Rules of your own
    are tables of omnimix.toml:

    [segments.rules.abandoned-cart]
    when = ["Product Added within 14 days", "no Order Completed since Product Added"]
    """
    if context.invoked_subcommand is not None:
        return
    with opened(workspace) as (_settings, machine):
        found = segments_on(machine, as_of) if as_of else machine.artifacts.load("segmentation", Segmentation)
        watch = None if as_of else _watch(machine)
    if json:
        show.as_json(
            {"segments": found.segments, "note": found.note, "stability": found.stability, "watch": watch}
        )
        return
    show.as_table(
        ("segment", "people", "share", "rule", "precision", "recall", "found again"),
        [
            (
                s.name,
                s.size,
                f"{s.share:.1%}",
                s.rule,
                f"{s.precision:.0%}",
                f"{s.recall:.0%}",
                f"{s.found_again:.0%}",
            )
            for s in found.segments
        ],
    )
    show.out.print(found.note, soft_wrap=True)
    if watch is not None and watch.lists:
        show.as_table(
            ("rule segment", "people", "on the ladder", "rule", ""),
            [(r.name, r.profiles, r.placed, r.rule, r.note) for r in watch.lists],
        )
    if watch is not None and watch.drift:
        show.out.print(watch.drift.advice, soft_wrap=True)
    for proxy in watch.proxies if watch is not None else ():
        show.out.print(proxy.why, soft_wrap=True)


@group.command("people")
def people(
    key: Annotated[str, typer.Argument(help="A segment's key, or a rule segment's.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the profiles in a segment; for a rule segment everybody who meets the rule."""
    with opened(workspace) as (_settings, machine):
        known = machine.artifacts.load("segmentation", Segmentation)
        rules = machine.segments.rules
        if key not in rules and all(s.key != key for s in known.segments):
            there = ", ".join(dict.fromkeys([*(s.key for s in known.segments), *rules]))
            raise NotFound(f"there is no segment {key!r}", fix=f"there are: {there}")
        rows = fact(machine, "membership" if key in rules else "member").filter(_.segment == key)
        listed = machine.warehouse.arrow(rows.select("profile_id").order_by("profile_id"))
    found = listed["profile_id"].to_pylist()
    if json:
        show.as_json(found)
        return
    for profile in found:
        show.out.print(profile)


@group.command("moves")
def moves(
    since: Annotated[datetime, typer.Option("--from", formats=DAYS, help="The earlier day.")],
    until: Annotated[
        datetime | None, typer.Option("--to", formats=DAYS, help="The later day; left out, today.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Who moved from segment to segment between two days. Nobody is lost: rows and columns add up to the sizes."""
    with opened(workspace) as (_settings, machine):
        found = movement_between(machine, since, until or machine.today)
        names = {s.key: s.name for s in machine.artifacts.load("segmentation", Segmentation).segments}
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("from", "to", "people", "share of from"),
        [
            (
                names.get(m.segment, m.segment),
                names.get(m.next_segment, m.next_segment),
                m.profiles,
                f"{m.share:.1%}",
            )
            for m in found.moves
        ],
        title=_title(found),
    )
    if found.left_out:
        show.out.print(f"Not told for a past day, and left out: {', '.join(found.left_out)}.", soft_wrap=True)


@group.command("drift")
def drift(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """Whether customers still look as they did when the segments were found. Exit code 1 at an alarm."""
    with opened(workspace) as (_settings, machine):
        watch = _watch(machine)
    found = watch.drift if watch else None
    if json:
        show.as_json(found)
    elif found is None:
        show.out.print("The segments were found in the last run: there is nothing to compare yet.")
    else:
        show.as_table(
            ("figure", "index", "p", "level"),
            [(s.figure, f"{s.index:.3f}", f"{s.p:.3g}", str(s.level)) for s in found.shifts],
            title=f"Since {found.since:%Y-%m-%d}, {found.people:,} people",
        )
        show.out.print(found.advice, soft_wrap=True)
    alarmed = found is not None and found.level == "alarm" and not (watch and watch.found_anew)
    return 1 if alarmed else 0


@group.command("refit")
def refit(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Have the next run find the segments anew; keys and names may change, and with them briefs and approvals."""
    with opened(workspace) as (_settings, machine):
        ask_anew(machine)
    if json:
        show.as_json({"asked": True})
    else:
        show.out.print("The next run finds the segments anew: omnimix run CAMPAIGN")


def _watch(machine: Machine) -> Watch | None:
    return machine.artifacts.load(WATCH, Watch) if machine.artifacts.has(WATCH) else None


def _title(found: Movement) -> str:
    return (
        f"{found.profiles:,} people from {found.before:%Y-%m-%d} to {found.after:%Y-%m-%d}: "
        f"{found.stayed:.0%} of those there on both days stayed"
    )
