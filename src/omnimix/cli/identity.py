"""`omnimix identity`: who is one person; review doubts, join, part, look at a profile.

in   links, the review queue, decisions
out  tables without any identifier in the clear; decisions in the audit
"""

import getpass
from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import NotFound
from omnimix.flow.identity import Doubt, doubts, profile_view, run_matching, settle, summary, unmerge
from omnimix.flow.machine import Machine

group = typer.Typer(
    invoke_without_command=True,
    help="Who is one person. Without a command: how many people are known, and what waits for a decision.",
)
WhyOption = Annotated[str, typer.Option("--why", help="The reason, for the audit.")]
AsOption = Annotated[str, typer.Option("--as", help="Who decides; goes into the audit.")]
PairArgument = Annotated[list[str], typer.Argument(help="A number of the review list, or two keys.")]
ME = getpass.getuser()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="identity")


@group.callback()
def root(context: typer.Context, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Profiles, keys, links by records, by matching and by people, merges, and what waits."""
    if context.invoked_subcommand:
        return
    with opened(workspace) as (_, machine):
        found = summary(machine)
    if json:
        show.as_json(found)
    else:
        show.as_table(("", "number"), found.items())


@group.command("match")
def match_command(
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train anew and compare everybody, not only what is new.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Compare records that came since the last time, and link who is the same person. Exit 1 while pairs wait."""
    with opened(workspace) as (_, machine):
        found = run_matching(machine, (lambda _step: None) if json else _tell, fresh=fresh)
        waits = summary(machine)["pairs to review"]
    if json:
        show.as_json(found)
    else:
        show.out.print(
            f"{found.records:,} records, {found.pairs:,} pairs compared: {found.linked:,} linked, "
            f"{found.in_review:,} to review, {found.merges:,} profiles merged, {found.refused:,} links refused"
        )
    return 1 if waits else 0


def _tell(step: str) -> None:
    show.err.print(f"[dim]{step}[/]")


@group.command("review")
def review_command(
    most: Annotated[int, typer.Option(help="How many at most.")] = 20,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Pairs that may be one person, with veiled values and what each adds to the match weight. Exit 1 if any.

    A weight is the log2 of the odds: 5 means 32 to 1 for one person, 0 even. Decide with accept or reject.
    """
    with opened(workspace) as (_, machine):
        found = doubts(machine, most=most)
    if json:
        show.as_json(found)
    else:
        for doubt in found:
            _print(doubt)
        show.out.print(f"{len(found):,} wait" if found else "nothing waits")
    return 1 if found else 0


def _print(doubt: Doubt) -> None:
    w = doubt.waiting
    if not w.key_b:
        show.out.print(
            f"[bold]{doubt.number}[/]  {w.key_a}: {w.sharers:,} people share this key, so it links nobody"
        )
        return
    weight = f", weight {w.weight:+.1f}" if w.weight is not None else ""
    show.out.print(f"[bold]{doubt.number}[/]  {w.key_a} – {w.key_b}: {w.reason}{weight}", soft_wrap=True)
    if doubt.evidence:
        show.as_table(
            ("  field", "likeness", "weight", "one", "other"),
            [(f"  {e.field}", e.says, round(e.weight, 2), e.one, e.other) for e in doubt.evidence],
        )


@group.command("accept")
def accept_command(
    pair: PairArgument,
    why: WhyOption = "looked at in review",
    person: AsOption = ME,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """These two are one person."""
    _decide(pair, together=True, why=why, person=person, workspace=workspace, json=json)


@group.command("reject")
def reject_command(
    pair: PairArgument,
    why: WhyOption = "looked at in review",
    person: AsOption = ME,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """These two are not one person, whatever records say later."""
    _decide(pair, together=False, why=why, person=person, workspace=workspace, json=json)


@group.command("merge")
def merge_command(
    one: str,
    other: str,
    why: WhyOption,
    person: AsOption = ME,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Join two profiles (or the profiles of two keys); the older id lives on."""
    _decide([one, other], together=True, why=why, person=person, workspace=workspace, json=json)


@group.command("unmerge")
def unmerge_command(
    name: Annotated[str, typer.Argument(help="A merge (mg_…), or a profile (pf_…): its newest merge.")],
    why: WhyOption,
    person: AsOption = ME,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Take a merge back: everything is as before it, and what came since stays where it belongs."""
    with opened(workspace) as (_, machine):
        merge, done = unmerge(machine, name, person=person, why=why)
        apart = [profile_view(machine, key).profile_id for key in (merge.key_a, merge.key_b)]
    if json:
        show.as_json({"merge": merge.merge_id, "profiles": apart, "keys_moved": done.moved})
    else:
        show.out.print(f"{apart[0]} and {apart[1]} are two people again; {done.moved} keys moved")


def _decide(names: list[str], *, together: bool, why: str, person: str, workspace: object, json: bool) -> None:
    with opened(workspace) as (_, machine):  # type: ignore[arg-type]
        keys = _pair(machine, names)
        done = settle(machine, *keys, together=together, person=person, why=why)
        profiles = [profile_view(machine, key).profile_id for key in keys]
    if json:
        show.as_json({"profiles": profiles, "keys_moved": done.moved, "together": profiles[0] == profiles[1]})
    elif together:
        show.out.print(f"one person: {profiles[0]}; {done.moved} keys moved")
    else:
        show.out.print(f"two people: {profiles[0]} and {profiles[1]}; {done.moved} keys moved")


def _pair(machine: Machine, names: list[str]) -> tuple[str, str]:
    """Two names as given, or the pair of that number in the review list. Raises NotFound, BadParameter."""
    if len(names) == 2:
        return names[0], names[1]
    if len(names) != 1 or not names[0].isdigit():
        raise typer.BadParameter("give a number of the review list, or two keys or profiles")
    for doubt in doubts(machine, most=int(names[0])):
        if doubt.number == int(names[0]) and doubt.waiting.key_b:
            return doubt.waiting.key_a, doubt.waiting.key_b
    raise NotFound(f"there is no pair {names[0]} in the review list", fix="omnimix identity review")


@group.command("show")
def show_command(
    profile: Annotated[str, typer.Argument(help="A profile (pf_…) or a key.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """A profile's keys with their sources, its traits with their history, and its merges."""
    with opened(workspace) as (_, machine):
        found = profile_view(machine, profile)
    if json:
        show.as_json(found)
        return
    show.out.print(f"[bold]{found.profile_id}[/]  the vault holds: {', '.join(found.fields) or 'nothing'}")
    show.as_table(
        ("key", "since", "named by"),
        [(k.key, f"{k.linked_at:%Y-%m-%d %H:%M}", ", ".join(k.sources)) for k in found.keys],
    )
    if found.traits:
        show.as_table(
            ("trait", "value", "source", "told", ""),
            [
                (t.trait, t.value, t.source, f"{t.observed_at:%Y-%m-%d}", "" if t.newest else "earlier")
                for t in found.traits
            ],
        )
    if found.merges:
        show.as_table(
            ("merge", "profile", "became", "by", "weight", "when"),
            [
                (
                    m.merge_id,
                    m.newer,
                    m.older,
                    m.told_by,
                    m.weight if m.weight is not None else "",
                    f"{m.merged_at:%Y-%m-%d}",
                )
                for m in found.merges
            ],
        )
