"""`omnimix journey`: the map, its paths, comparisons, what is worth most, and one contact's place.

in   artifacts of the last run; for people and comparisons the facts
out  tables, profile ids, files
"""

from typing import Annotated

import typer

from omnimix.audience.journey.behind import (
    behind_difference,
    behind_funnel,
    behind_move,
    behind_stage,
    behind_step,
)
from omnimix.audience.journey.insight import Catalysts, Opportunities, PathMap, Place
from omnimix.audience.journey.journey import EXIT, OPEN, JourneyMap
from omnimix.audience.journey.rules import DIMENSIONS
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.money import Money
from omnimix.flow.journey import (
    compare_journey,
    compared_moves,
    find_profile,
    journey_files,
    journey_tables,
    where_is,
)
from omnimix.governance.pseudonym import KeyKind

group = typer.Typer(
    no_args_is_help=True, help="The journey map, what it tells, and the people behind its numbers."
)
ByOption = Annotated[str, typer.Option("--by", help=f"{', '.join(DIMENSIONS[:-1])} or {DIMENSIONS[-1]}.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="journey")


@group.command("map")
def map_command(
    out: Annotated[bool, typer.Option("--out", help="Write out/journey.svg and out/journey.json.")] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Steps, moves with their shares and waits, and lifecycle stages. Exits and others are shown."""
    with opened(workspace) as (_, machine):
        found = machine.artifacts.load("journey", JourneyMap)
        written = journey_files(machine) if out else ()
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
    for path in written:
        show.out.print(path)


@group.command("paths")
def paths(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Whole paths, the memory that changes what comes next, and how many get from each step to the goal."""
    with opened(workspace) as (_, machine):
        found = machine.artifacts.load("paths", PathMap)
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("path", "end", "paths", "people", "share"),
        [(" → ".join(p.steps), p.end, p.paths, p.profiles, f"{p.share:.1%}") for p in found.whole],
        title=f"{found.displayed:.1%} of {found.paths:,} paths; {found.beyond:.1%} go other ways",
    )
    show.as_table(
        ("after", "next", "people", "share", "usual"),
        [
            (" → ".join(c.steps), w.next_step, w.profiles, f"{w.share:.1%}", f"{w.usual:.1%}")
            for c in found.contexts[:12]
            for w in sorted(c.continuations, key=lambda w: -abs(w.share - w.usual))[:2]
        ],
        title=f"{found.kept:,} of {found.tested:,} longer memories change what comes next",
    )
    show.as_table(
        ("step", "people", f"reached {found.goal}", "share", "95 %", "median time"),
        [
            (c.step, c.profiles, c.converted, f"{c.share:.1%}", f"{c.low:.1%} to {c.high:.1%}", _wait(c.median))
            for c in found.conversions
        ],
    )


@group.command("compare")
def compare(
    by: ByOption = "device",
    everything: Annotated[bool, typer.Option("--all", help="Also what may be chance.")] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """The numbers of the map in one group against all others; what surely differs comes first."""
    with opened(workspace) as (_, machine):
        found = compare_journey(machine, by)
    if json:
        show.as_json(found)
        return
    shown = [d for d in found.differences if d.flagged or everything]
    show.as_table(
        ("group", "of those at", "did next", "share", "others", "difference", "95 %", "people", "usual wait"),
        [
            (
                d.group,
                d.step,
                d.next_step,
                f"{d.share:.1%}",
                f"{d.rest_share:.1%}",
                f"{100 * d.difference:+.1f} pp",
                f"{100 * d.low:+.1f} to {100 * d.high:+.1f}",
                d.profiles,
                _wait(d.median),
            )
            for d in shown[:40]
        ],
        title=f"By {by}, within {found.horizon_days} days of each step: {len(shown)} of "
        f"{len(found.differences)} numbers " + ("differ or may" if everything else "surely differ"),
    )
    if len(found.groups) < 2:
        show.out.print(f"There are not two groups of enough people by {by}; nothing can be compared.")


@group.command("opportunities")
def opportunities(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Steps where a small gain is worth most (evidence grade: model)."""
    with opened(workspace) as (_, machine):
        found = machine.artifacts.load("opportunities", Opportunities)
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("step", "visits", "carry on", "one point more is worth", "95 %", "as the best group"),
        [
            (
                o.step,
                o.visits,
                f"{o.carries_on:.1%}",
                str(Money(round(o.point_minor), found.currency)),
                f"{Money(round(o.low), found.currency)} to {Money(round(o.high), found.currency)}",
                f"{o.best_group}: {Money(round(o.best_minor), found.currency)}"
                if o.best_minor is not None
                else "",
            )
            for o in found.items
        ],
        title=f"Margin over {found.observed_days} days, if one of a hundred more visits carried on",
    )


@group.command("catalysts")
def catalysts(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Events after which people buy more, or less, than matched people without them: associations, not effects."""
    with opened(workspace) as (_, machine):
        found = machine.artifacts.load("catalysts", Catalysts)
    if json:
        show.as_json(found)
        return
    show.as_table(
        ("event", "matched", "bought after", "without it", "difference", "95 %", "before it", "verdict"),
        [
            (
                c.event,
                c.treated,
                f"{c.rate:.1%}",
                f"{c.control_rate:.1%}",
                f"{100 * c.difference:+.2f} pp",
                f"{100 * c.low:+.2f} to {100 * c.high:+.2f}",
                f"{100 * c.placebo:+.2f} pp",
                c.verdict,
            )
            for c in found.items
        ],
        title=f"Bought in the next {found.period_days} days; evidence grade: model",
    )


@group.command("where")
def where(
    profile: Annotated[str, typer.Argument(help="A profile id, p_…; or name the contact with an option.")] = "",
    email: Annotated[str, typer.Option("--email", help="Their e-mail address; it is not kept.")] = "",
    user: Annotated[str, typer.Option("--user", help="Their customer number; it is not kept.")] = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """A contact's place on the map: last steps, lifecycle stage, and what people do next from there."""
    if sum(map(bool, (profile, email, user))) != 1:
        raise typer.BadParameter("name one contact: PROFILE, --email or --user")
    with opened(workspace) as (_, machine):
        if email or user:
            kind = KeyKind.EMAIL if email else KeyKind.USER
            profile = find_profile(machine, kind, email or user)
        found = where_is(machine, profile)
    if json:
        show.as_json(found)
    else:
        _print_place(found)


def _print_place(found: Place) -> None:
    show.as_table(
        ("when", "step"),
        [(f"{v.occurred_at:%Y-%m-%d %H:%M}", v.step) for v in found.last],
        title=f"{found.profile_id}: {found.stage or 'no stage yet'}",
    )
    state = {OPEN: "may still move", EXIT: "has left"}[found.state]
    left = (
        f"; from there {found.exit_share:.0%} of those whose next move is known left" if found.known_moves else ""
    )
    show.out.print(f"{state.capitalize()}{left}.", soft_wrap=True)
    show.as_table(
        ("likely next", "share", "people"),
        [(c.next_step, f"{c.share:.1%}", c.profiles) for c in found.likely[:8]],
        title="After " + " → ".join(found.context),
    )


@group.command("behind")
def behind(
    step: Annotated[str, typer.Option("--step", help="People who made this step.")] = "",
    to: Annotated[str, typer.Option("--to", help="… and then this one, (exit) or (open).")] = "",
    by: Annotated[str, typer.Option("--by", help="… as `journey compare --by` counts them.")] = "",
    of: Annotated[str, typer.Option("--group", help="… in this group of the comparison.")] = "",
    stage: Annotated[str, typer.Option("--stage", help="People in this lifecycle stage today.")] = "",
    funnel: Annotated[int, typer.Option("--funnel", help="People who reached this place of the funnel, 1 …")] = 0,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the profiles behind a number of the map; there are exactly as many as the map says."""
    if sum(map(bool, (step, stage, funnel))) != 1:
        raise typer.BadParameter("name one of --step (with or without --to), --stage and --funnel")
    if bool(by) != bool(of) or (by and not (step and to)):
        raise typer.BadParameter("--by and --group go together, with --step and --to")
    with opened(workspace) as (_, machine):
        rows = journey_tables(machine)
        if stage:
            table = behind_stage(rows["stages_0"], stage)
        elif funnel:
            table = behind_funnel(rows["funnel_paths"], funnel - 1)
        elif by:
            table = behind_difference(compared_moves(machine, rows, by), of, step, to)
        else:
            table = behind_move(rows["moves"], step, to) if to else behind_step(rows["moves"], step)
        found = sorted(machine.warehouse.arrow(table)["profile_id"].to_pylist())
    if json:
        show.as_json(found)
    else:
        for profile in found:
            show.out.print(profile)


def _wait(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / 86_400:.1f} days" if seconds >= 86_400 else f"{seconds / 60:.0f} min"
