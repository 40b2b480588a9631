"""`omnimix ingest`, `quarantine`: take in sources; look at refused lines, put them right, try again.

in   the sources of omnimix.toml
out  counts that add up; refused lines with file, line, field, value and reason
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import InvalidInput, NotFound
from omnimix.data.counts import Counts, IngestReport
from omnimix.data.ingest import silent
from omnimix.data.quarantine import Quarantined, quarantined
from omnimix.data.replay import Correction
from omnimix.data.replay import replay as try_again
from omnimix.flow.collect import gather, sources_of

COLUMNS = ("files", "skipped", "lines_read", "accepted", "duplicates", "rejected", "ignored", "unidentified")

_SET = re.compile(r"^(?P<file>.+?):(?P<line>\d+):(?P<column>[^=]+)=(?P<value>.*)$", re.S)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("ingest")(ingest)
    app.command("quarantine")(quarantine)


def ingest(
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
    replay: Annotated[bool, typer.Option("--replay", help="Try the lines in quarantine again instead.")] = False,
    correct: Annotated[
        list[str] | None,
        typer.Option("--set", help="With --replay: FILE:LINE:COLUMN=VALUE puts one value right; may be repeated."),
    ] = None,
) -> int:
    """Take in the inbox and every source; again changes nothing. Exit 1 while refused lines wait in quarantine."""
    if correct and not replay:
        raise typer.BadParameter("--set belongs to --replay")
    with opened(workspace) as (_, machine):
        progress = silent if json else _tell
        if replay:
            listed = quarantined(machine.ledger, vault=machine.vault)
            report = try_again(
                sources_of(machine),
                corrections=_corrections(correct or [], listed),
                warehouse=machine.warehouse.local,
                ledger=machine.ledger,
                vault=machine.vault,
                key=machine.key,
                now=machine.clock(),
                progress=progress,
                identity=machine.identity,
            )
        else:
            report = gather(machine, progress)
        waiting = len(quarantined(machine.ledger, vault=machine.vault))
    if json:
        show.as_json({**_plain(report), "faults_in_quarantine": waiting})
    else:
        _print(report)
        if waiting:
            show.out.print(
                f"{waiting:,} faults are in quarantine → omnimix quarantine, then omnimix ingest --replay"
            )
    return 1 if waiting else 0


def quarantine(
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    most: Annotated[int, typer.Option(help="How many at most.")] = 50,
) -> int:
    """Show refused lines: file, line, field, value, why. Exit 1 while there are any."""
    with opened(workspace) as (_, machine):
        found = quarantined(machine.ledger, vault=machine.vault, source=source, most=most)
    if json:
        show.as_json(found)
    else:
        show.as_table(
            ("source", "file", "line", "field", "value", "why"),
            [(q.source, q.file, q.line, q.field, q.value or "", q.reason) for q in found],
        )
    return 1 if found else 0


def _corrections(texts: list[str], waiting: list[Quarantined]) -> tuple[Correction, ...]:
    """Corrections by line. Raises InvalidInput for a text that is none, NotFound for a line that does not wait."""
    places = {(q.file, q.line): q for q in waiting}
    values: dict[tuple[str, int], dict[str, str | None]] = defaultdict(dict)
    for text in texts:
        found = _SET.match(text)
        if not found:
            raise InvalidInput(
                f"cannot read {text!r}", where="--set", fix="write it like orders.csv:17:quantity=3"
            )
        place = (found["file"], int(found["line"]))
        if place not in places:
            raise NotFound(
                f"line {place[1]} of {place[0]!r} is not in quarantine", where="--set", fix="omnimix quarantine"
            )
        values[place][found["column"]] = found["value"] or None
    return tuple(Correction(places[p].source, places[p].digest, p[1], v) for p, v in values.items())


def _tell(step: str) -> None:
    show.err.print(f"[dim]{step}[/]")


def _print(report: IngestReport) -> None:
    rows: Mapping[str, Counts] = {**report.sources, "all": report.total}
    show.as_table(
        ("source", *(c.replace("_", " ") for c in COLUMNS)),
        [(name, *(getattr(counts, c) for c in COLUMNS)) for name, counts in rows.items()],
    )
    kept = ", ".join(f"{n:,} {fact.replace('_', ' ')}" for fact, n in report.facts.items() if n)
    show.out.print(f"kept: {kept or 'nothing'}; {report.profiles:,} profiles")


def _plain(report: IngestReport) -> dict[str, object]:
    return {
        "sources": {name: {c: getattr(counts, c) for c in COLUMNS} for name, counts in report.sources.items()},
        "total": {c: getattr(report.total, c) for c in COLUMNS},
        "facts": dict(report.facts),
        "profiles": report.profiles,
    }
