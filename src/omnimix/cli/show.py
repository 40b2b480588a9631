"""What the command line prints: results on standard output, progress and errors on standard error.

in   records, tables, errors
out  text for people (Rich) or one JSON document for machines
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from omnimix.core.errors import OmnimixError
from omnimix.core.finding import Finding, Severity

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_WHOLE = frozenset({"variant"})  # columns whose values people copy
_MARK = {Severity.BLOCKING: "[red]✗[/]", Severity.WARNING: "[yellow]![/]", Severity.NOTE: "[dim]·[/]"}


def as_json(value: Any) -> None:
    """Print `value` as one JSON document."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str)).decode() + "\n")


def as_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print rows in columns; numbers are right-aligned."""
    table = Table(title=title or None, box=None, pad_edge=False, title_justify="left", title_style="bold")
    kept = [list(row) for row in rows]
    for place, name in enumerate(columns):
        numeric = bool(kept) and all(isinstance(row[place], int | float) for row in kept)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=name in _WHOLE)
    for row in kept:
        table.add_row(*(_cell(value) for value in row))
    out.print(table)


def as_findings(findings: Iterable[Finding]) -> None:
    """Print findings, one per line."""
    for f in findings:
        step = f" [dim]→ {_plain(f.fix)}[/]" if f.fix else ""
        out.print(f"{_MARK[f.severity]} {_plain(f.where)}: {_plain(f.why)}{step}", soft_wrap=True)


def error(problem: OmnimixError, *, json: bool) -> None:
    """Print an error: one line for people, an object for machines."""
    if json:
        as_json(
            {
                "error": type(problem).__name__,
                "message": problem.message,
                "where": problem.where,
                "fix": problem.fix,
                "exit_code": problem.exit_code,
            }
        )
    else:
        err.print(f"[red]omnimix:[/] {_plain(str(problem))}", soft_wrap=True)


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return _plain(str(value))


def _plain(text: str) -> str:
    """Text that Rich prints as it stands, brackets and all."""
    return text.replace("[", "\\[")
