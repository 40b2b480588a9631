"""The command's root: sub-commands, and errors as one line and an exit code.

in   arguments
out  an exit code; never a traceback
"""

import gc
import sys
import tempfile
import traceback
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import typer
from typer.exceptions import TyperException

from omnimix import __version__
from omnimix.cli import show
from omnimix.core.errors import OmnimixError
from omnimix.settings import InvalidSettings

COMMANDS: Mapping[str, tuple[str, ...]] = {  # module of this folder → its commands, as --help lists them
    "workspace": ("init", "doctor"),
    "data": ("ingest", "quarantine"),
    "audience": ("personas",),
    "journey": ("journey",),
    "pain": ("pain",),
    "segments": ("segments",),
    "value": ("value",),
    "enrichment": ("enrichment",),
    "identity": ("identity",),
    "run": ("run", "report", "demo"),
    "review": ("review",),
    "release": ("release",),
    "policy": ("policy",),
    "decide": ("decide", "replay", "explain"),
    "pacing": ("pacing",),
    "activation": ("plan", "apply"),
    "checks": ("checks",),
    "claims": ("claims",),
    "account": ("account",),
    "console": ("console",),
    "audit": ("audit",),
    "bid": ("bid",),
    "serve": ("serve", "settle"),
    "online": ("online",),
    "stop": ("stop", "resume"),
}


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


def command_line(modules: Iterable[str] = COMMANDS) -> typer.Typer:
    """The commands of some modules: only what runs is imported, since all of them together take seconds."""
    app = typer.Typer(
        name="omnimix",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        help="From customer data to approved, channel-ready, measured campaigns. "
        "Start with [bold]omnimix demo[/] or [bold]omnimix init DIR[/].",
        epilog="Exit codes: 0 done, 1 a person must act, 2 wrong usage or input, "
        "3 something outside is unavailable.",
    )
    app.callback(invoke_without_command=True)(root)
    for module in modules:
        import_module(f"omnimix.cli.{module}").register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit code."""
    gc.set_threshold(100_000, 20, 50)  # most of what imports and queries make stays: looking through it is in vain
    given = list(sys.argv[1:] if arguments is None else arguments)
    json = "--json" in given
    if json:  # one meaning wherever it stands
        given = [a for a in given if a != "--json"]
        given.insert(_command_place(given), "--json")
    try:
        code = command_line(_needed(given))(given, standalone_mode=False)
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


def _needed(given: Sequence[str]) -> list[str]:
    """The module of the command that is asked for; all where none is: for --help, or to tell what was meant."""
    if "--version" in given:
        return []
    asked = next((a for a in given if not a.startswith("-")), "")
    return [m for m, names in COMMANDS.items() if asked in names] or list(COMMANDS)


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
