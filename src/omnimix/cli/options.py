"""Options that every command shares, and opening the workspace they name.

in   --workspace and --json
out  typed option annotations; an open Machine
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from omnimix.app import machine_of, settings_of
from omnimix.flow.machine import Machine
from omnimix.settings import Settings

WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace", "-w", help="The workspace's folder.", envvar="OMNIMIX_WORKSPACE", show_default="."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
CampaignArgument = Annotated[str, typer.Argument(help="The campaign's key: the name of its file.")]
HERE = Path()


@contextmanager
def opened(workspace: Path) -> Iterator[tuple[Settings, Machine]]:
    """Read the settings of the workspace and open its stores."""
    settings = settings_of(workspace.resolve(), os.environ)
    with machine_of(settings, os.environ) as machine:
        yield settings, machine
