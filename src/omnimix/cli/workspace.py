"""`omnimix init`, `doctor`: a new workspace, and what is missing from one.

in   a folder
out  commented files; findings, each with the next step
"""

import os
import secrets
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from omnimix.app import KEY_FILE, machine_of, settings_of
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption
from omnimix.core.clock import utc_now
from omnimix.core.errors import Conflict, OmnimixError
from omnimix.core.finding import Finding, Severity, is_blocked
from omnimix.flow.doctor import examine
from omnimix.governance.keys import create_key
from omnimix.settings import InvalidSettings

FOLDERS = ("campaigns", "data", "assets")
IGNORED = "# State, keys and what a run makes stay out of version control.\n.omnimix/\nout/\n.env\n"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("init")(init)
    app.command("doctor")(doctor)


def init(
    folder: Annotated[Path, typer.Argument(help="The folder of the new workspace; made if it is not there.")],
    json: JsonOption = False,
) -> None:
    """Write a commented omnimix.toml, brand.toml, one campaign, and empty folders."""
    if (folder / "omnimix.toml").exists():
        raise Conflict("there is a workspace already", where=str(folder), fix="omnimix doctor says what it lacks")
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    today = utc_now().date()
    values = {
        "$SALT": secrets.token_hex(8),
        "$STARTS": str(today + timedelta(days=7)),
        "$ENDS": str(today + timedelta(days=48)),
    }
    written = []
    starter = resources.files("omnimix.cli") / "starter"
    for name in ("omnimix.toml", "brand.toml", "campaigns/first.toml"):
        text = (starter / name).read_text(encoding="utf-8")
        for mark, value in values.items():
            text = text.replace(mark, value)
        (folder / name).write_text(text, encoding="utf-8")
        written.append(name)
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    create_key(folder / KEY_FILE)
    if json:
        show.as_json({"workspace": str(folder), "written": written, "key": str(KEY_FILE)})
        return
    show.out.print(f"A workspace is in [bold]{folder}[/]: {', '.join(written)}.")
    show.out.print(f"Its key is {folder / KEY_FILE}: keep a copy; without it no identifier can be read again.")
    show.out.print(f"Next: put your orders into {folder / 'data'} and declare them in omnimix.toml;")
    show.out.print(f"then omnimix doctor -w {folder}")


def doctor(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """Check workspace, sources, brand, storage and extras; name the next step for whatever is missing."""
    findings = _examined(workspace.resolve())
    if json:
        show.as_json([_plain(f) for f in findings])
    elif findings:
        show.as_findings(findings)
    if not json and not is_blocked(findings):
        show.out.print("[green]ready[/]: omnimix run CAMPAIGN")
    return 1 if is_blocked(findings) else 0


def _examined(root: Path) -> tuple[Finding, ...]:
    try:
        settings = settings_of(root, os.environ)
        with machine_of(settings, os.environ) as machine:
            return examine(machine, settings.jobs)
    except InvalidSettings as error:
        return error.faults
    except OmnimixError as error:
        return (Finding("workspace", Severity.BLOCKING, error.where or str(root), error.message, error.fix),)


def _plain(finding: Finding) -> dict[str, str]:
    return {
        "rule": finding.rule,
        "severity": finding.severity.name.lower(),
        "where": finding.where,
        "why": finding.why,
        "fix": finding.fix,
    }
