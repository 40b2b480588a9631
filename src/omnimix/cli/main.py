"""The command's root: sub-commands, and errors as one line and an exit code.

in   arguments
out  an exit code; never a traceback
"""

import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer
from typer.exceptions import TyperException

from omnimix import __version__
from omnimix.cli import (
    account,
    activation,
    audience,
    audit,
    bid,
    checks,
    claims,
    console,
    data,
    decide,
    enrichment,
    identity,
    journey,
    online,
    pacing,
    pain,
    policy,
    release,
    review,
    run,
    segments,
    serve,
    show,
    stop,
    value,
    workspace,
)
from omnimix.core.errors import OmnimixError
from omnimix.settings import InvalidSettings

app = typer.Typer(
    name="omnimix",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="From customer data to approved, channel-ready, measured campaigns. "
    "Start with [bold]omnimix demo[/] or [bold]omnimix init DIR[/].",
    epilog="Exit codes: 0 done, 1 a person must act, 2 wrong usage or input, 3 something outside is unavailable.",
)
for commands in (
    workspace,
    data,
    audience,
    journey,
    pain,
    segments,
    value,
    enrichment,
    identity,
    run,
    review,
    release,
    policy,
    decide,
    pacing,
    activation,
    checks,
    claims,
    account,
    console,
    audit,
    bid,
    serve,
    online,
    stop,
):
    commands.register(app)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    json: bool = typer.Option(False, "--json", help="Print JSON; the same as --json behind the command."),
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    """Read what stands before the command's name."""
    context.obj = {"json": json}
    if version:
        show.out.print(__version__)
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    json = "--json" in given
    if json:  # one meaning wherever it stands
        given = [a for a in given if a != "--json"]
        given.insert(_command_place(given), "--json")
    try:
        code = app(given, standalone_mode=False)
    except InvalidSettings as error:
        if json:
            show.error(error, json=True)
        else:
            show.as_findings(error.faults)
        return error.exit_code
    except OmnimixError as error:
        show.error(error, json=json)
        return error.exit_code
    except typer.Abort:
        show.err.print("stopped; what was done is kept, the same command goes on from here")
        return 130
    except TyperException as error:
        show.err.print(f"[red]omnimix:[/] {error.format_message()} → omnimix --help", soft_wrap=True)
        return 2
    except Exception as error:  # a fault of ours: keep the traceback out of sight, but keep it
        return _fault(error)
    return code if isinstance(code, int) else 0


def _command_place(given: Sequence[str]) -> int:
    """Where an option of the command itself may stand: at the end, before a `--`."""
    return given.index("--") if "--" in given else len(given)


def _fault(error: Exception) -> int:
    with tempfile.NamedTemporaryFile("w", prefix="omnimix-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write("".join(traceback.format_exception(error)))
    name = type(error).__name__
    show.err.print(
        f"omnimix: a fault in Omnimix ({name}); nothing acknowledged is lost → report {Path(log.name)}",
        soft_wrap=True,
    )
    return 70
