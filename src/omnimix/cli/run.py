"""`omnimix run`, `demo`, `report`: the whole loop.

in   a campaign's key; for the demo a folder
out  one line a step; files under out/
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omnimix.app import KEY_FILE, machine_of, settings_of
from omnimix.cli import show
from omnimix.cli.options import HERE, CampaignArgument, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import Conflict, NotAllowed, OmnimixError
from omnimix.flow.campaign import run_campaign
from omnimix.flow.machine import Job, Machine
from omnimix.flow.report import write_report
from omnimix.flow.step import StepResult
from omnimix.governance.audit import verify
from omnimix.governance.keys import create_key
from omnimix.testing.shop import open_shop

FreshOption = Annotated[bool, typer.Option("--fresh", help="Run every step again, also what is unchanged.")]
DEMO_CAMPAIGN = "autumn_gifts"
# The demo's data are public, so its key need not be secret; a fixed one makes every run of it the same.
DEMO_KEY = hashlib.sha256(b"omnimix demo").digest()
DEMO_APPROVER = "demo (nobody looked)"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("run")(run)
    app.command("report")(report)
    app.command("demo")(demo)


def run(
    campaign: CampaignArgument,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
    fresh: FreshOption = False,
) -> int:
    """Run a campaign from sources to report. It stops for review and for each plan, and goes on from there."""
    with opened(workspace) as (settings, machine):
        return _run(machine, settings.job(campaign), json=json, fresh=fresh)


def report(campaign: CampaignArgument, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Write the one-file report of what is known so far to out/report.html."""
    with opened(workspace) as (settings, machine):
        counts = write_report(machine, settings.job(campaign))
    path = machine.out / "report.html"
    if json:
        show.as_json({"report": str(path), **counts.detail})
    else:
        show.out.print(f"the report is {path}")


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put the demo's workspace.")] = Path("demo"),
    json: JsonOption = False,
    fresh: FreshOption = False,
) -> int:
    """Run the whole loop on a year of a real gift shop's orders and a simulated market."""
    _lay_out(folder)
    settings = settings_of(folder.resolve(), os.environ)
    with machine_of(settings, os.environ) as machine:
        code = _run(machine, settings.job(DEMO_CAMPAIGN), json=json, fresh=fresh, approver=DEMO_APPROVER)
        with machine.ledger() as session:
            verdict = verify(session, machine.anchor)
    if not json:
        show.out.print(f"audit: {'intact' if verdict.intact else verdict.why}, {verdict.entries} entries")
        show.out.print(
            f"Look at {folder}/out/report.html, {folder}/out/creatives/ and {folder}/out/channels/.\n"
            "The orders are real (Chen 2015, UCI Online Retail); the market they meet is simulated.",
            soft_wrap=True,
        )
    return code


def _lay_out(folder: Path) -> None:
    """Copy the shop that ships with the package; its state, if there is any, stays."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "omnimix.toml").exists():
        raise Conflict("the folder is not empty and no workspace", where=str(folder), fix="name another folder")
    open_shop(folder)
    if not (folder / KEY_FILE).exists():
        create_key(folder / KEY_FILE, secret=DEMO_KEY)


def _run(machine: Machine, job: Job, *, json: bool, fresh: bool, approver: str | None = None) -> int:
    """Run, print each step as it comes, and say where it stopped. Returns the exit code."""
    done: list[StepResult] = []
    stopped: OmnimixError | None = None
    results = run_campaign(machine, job, fresh=fresh, approver=approver)
    try:
        for result in _watched(results, quiet=json):
            done.append(result)
            if not json:
                _print_step(result)
    except NotAllowed as error:
        stopped = error
        write_report(machine, job)
    if json:
        show.as_json(
            {
                "campaign": job.campaign.key,
                "steps": [_plain(r) for r in done],
                "stopped": {"why": stopped.message, "where": stopped.where, "fix": stopped.fix}
                if stopped
                else None,
                "report": str(machine.out / "report.html"),
            }
        )
    elif stopped:
        show.out.print(f"[yellow]stopped[/] {stopped}", soft_wrap=True)
        show.out.print(f"what there is so far: {machine.out / 'report.html'}")
    return 1 if stopped else 0


def _watched(results: Iterator[StepResult], *, quiet: bool) -> Iterator[StepResult]:
    """Show on standard error that something is going on, and for how long."""
    if quiet or not show.err.is_terminal:
        yield from results
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=show.err, transient=True) as progress:
        task = progress.add_task("reading sources")
        for result in results:
            progress.update(task, description=f"after {result.name}")
            yield result


def _print_step(result: StepResult) -> None:
    units = result.detail
    taken = f"{result.rows_in:>9,} {units.get('unit_in', 'rows')}"
    given = f"{result.rows_out:>9,} {units.get('unit_out', 'rows')}"
    refused = f"  {result.rejected:,} rejected" if result.rejected else ""
    aside = "".join(f"  {n:,} {why}" for why, n in units.get("set_aside", {}).items() if n)
    time = "as before" if result.resumed else f"{result.seconds:6.1f} s"
    show.out.print(
        f"{result.name:<26} {taken:<34} → {given:<34} {time:>9}{refused}{aside}", soft_wrap=True, markup=False
    )


def _plain(result: StepResult) -> dict[str, Any]:
    return {
        "stage": result.name,
        "rows_in": result.rows_in,
        "rows_out": result.rows_out,
        "rejected": result.rejected,
        "seconds": round(result.seconds, 3),
        "resumed": result.resumed,
        **result.detail,
    }
