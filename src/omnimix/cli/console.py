"""`omnimix console`: the pages where people look, decide and stop.

in   [console] of omnimix.toml
out  a server until it is told to stop
"""

import os
from dataclasses import replace
from typing import Annotated, Any

import typer

from omnimix.app import settings_of
from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption
from omnimix.web.console.server import serve_console


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("console")(console)


def console(
    workspace: WorkspaceOption = HERE,
    host: Annotated[str | None, typer.Option(help="Address to listen on; [console] host, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; [console] port, else 8485.")] = None,
    json: JsonOption = False,
) -> int:
    """Open the review room: look at variants as they will appear, approve, edit, reject, compare, stop.

    People sign in with an account: [bold]omnimix account add NAME --role approver[/]. Stop it with Ctrl-C.
    """
    settings = settings_of(workspace.resolve(), os.environ)
    given: dict[str, Any] = {k: v for k, v in (("host", host), ("port", port)) if v is not None}
    rules = replace(settings.file.console, **given)
    where = f"http://{f'[{rules.host}]' if ':' in rules.host else rules.host}:{rules.port}"

    def begun() -> None:
        if json:
            show.as_json({"console": where})
        else:
            show.err.print(f"the review room is at {where}; Ctrl-C stops it", soft_wrap=True)

    serve_console(settings, rules, begun=begun)
    return 0
