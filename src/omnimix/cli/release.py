"""`omnimix release list | publish | revert | show`: what the workers decide from.

in   approved variants, rules, snapshots and models
out  a published release; the one before served again
"""

from typing import Annotated, Any

import msgspec
import typer

from omnimix.activation.decide.moment import from_bytes
from omnimix.activation.decide.release import Release, load
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import NotFound
from omnimix.flow.release import current_release, folder_of, listed, publish, revert

NoteOption = Annotated[str, typer.Option(help="Why; kept with the release and in the audit.")]
PersonOption = Annotated[str, typer.Option("--as", help="Who does it; goes into the audit.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        no_args_is_help=True, help="What live decisions are made from: publish it, list it, go back."
    )
    commands.command("list")(list_)
    commands.command("publish")(publish_)
    commands.command("revert")(revert_)
    commands.command("show")(show_)
    app.add_typer(commands, name="release")


def list_(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List the releases, the newest first; the one that is served is marked."""
    with opened(workspace) as (_, machine):
        found = listed(machine)
    if json:
        show.as_json(found)
        return
    rows = [
        (
            "→" if r.served else "",
            r.release_id,
            f"{r.made_at:%Y-%m-%d %H:%M:%S}",
            ", ".join(r.campaigns),
            r.variants,
            ", ".join(r.models) or "none yet",
            r.note,
        )
        for r in found
    ]
    show.as_table(("", "release", "made (UTC)", "campaigns", "variants", "moment models", "note"), rows)


def publish_(
    campaigns: Annotated[list[str] | None, typer.Argument(help="Campaigns' keys; left out, all.")] = None,
    note: NoteOption = "",
    person: PersonOption = "omnimix",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Publish campaigns as they are approved now; the workers change over within half a second."""
    with opened(workspace) as (settings, machine):
        jobs = [settings.job(key) for key in campaigns or sorted(settings.jobs)]
        _tell(publish(machine, jobs, note=note, by=person), "published", json=json)


def revert_(
    release: Annotated[str, typer.Argument(help="The release to go back to; left out, the one before.")] = "",
    note: NoteOption = "",
    person: PersonOption = "omnimix",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Serve an earlier release again. Later ones stay and can be served again, too."""
    with opened(workspace) as (_, machine):
        _tell(revert(machine, release or None, note=note, by=person), "serving again", json=json)


def show_(
    release: Annotated[str, typer.Argument(help="A release's id; left out, the one that is served.")] = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Show what a release holds: campaigns, rules, variants, models."""
    with opened(workspace) as (_, machine):
        found = load(folder_of(machine), release) if release else current_release(machine)
    if found is None:
        raise NotFound("no release is published", fix="omnimix release publish")
    if json:
        show.as_json(_plain(found))
        return
    show.out.print(f"{found.release_id}  {found.note}", markup=False)
    for running in found.campaigns:
        model = from_bytes(running.moment).version if running.moment else "none yet"
        show.out.print(f"\n{running.campaign}: moment model {model}", markup=False)
        rows = [(o.variant, o.brief, o.step, o.language, o.in_stock, o.content.headline) for o in running.offers]
        show.as_table(("variant", "brief", "step", "language", "in stock", "headline"), rows)


def _tell(release: Release, what: str, *, json: bool) -> None:
    if json:
        show.as_json({"release": release.release_id, "campaigns": [c.campaign for c in release.campaigns]})
    else:
        names = ", ".join(f"{c.campaign} ({len(c.offers)} variants)" for c in release.campaigns)
        show.out.print(f"{what}: {release.release_id} with {names}", soft_wrap=True, markup=False)


def _plain(release: Release) -> dict[str, Any]:
    """A release without its binary parts."""
    found: dict[str, Any] = msgspec.to_builtins(release, builtin_types=(bytes,))
    for running in found["campaigns"]:
        del running["snapshot"]
        running["moment"] = from_bytes(running["moment"]).version if running["moment"] else None
    return found
