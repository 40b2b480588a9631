"""`omnimix decide`, `replay`, `explain`: what a person should see now, the same again, and why.

in   a published release; profiles the online state knows
out  decisions in the journal; files for e-mail sends; reasons in words and numbers
"""

import csv
import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.progress import Progress

from omnimix.activation.decide.answer import excluded
from omnimix.activation.decide.decide import Made
from omnimix.activation.decide.decision import Request
from omnimix.activation.decide.explain import Explanation
from omnimix.cli import show
from omnimix.cli.options import HERE, CampaignArgument, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import InvalidInput
from omnimix.flow.decide import Sent, current_serving, decide_all, decide_for, explain_of, replay_of, what_if
from omnimix.flow.machine import Job, Machine

DecisionArgument = Annotated[str, typer.Argument(help="The id of a logged decision.")]
_COLUMNS = ("profile_id", "decision_id", "variant", "probability", "rung", "lane", "subject", "url", "why")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("decide")(decide)
    app.command("replay")(replay)
    app.command("explain")(explain)


def decide(
    campaign: CampaignArgument,
    profile: Annotated[str, typer.Argument(help="A profile id, as `journey behind` lists them.")] = "",
    placement: Annotated[str, typer.Option(help="A name in [placements]; left out, the first.")] = "",
    context: Annotated[
        list[str] | None, typer.Option("--context", help="What is known of the moment: device=mobile. Repeatable.")
    ] = None,
    suppose: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            help="Decide as if device=mobile, segment=loyal … were so, and say why; nothing is kept. Repeatable.",
        ),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Decide for everybody of the campaign.")] = False,
    out: Annotated[Path | None, typer.Option(help="With --all: a .csv, .parquet or .jsonl file to write.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Choose what one person should see now, or --all of a campaign. Journalled and counted like any decision.

    Example: omnimix decide autumn_gifts pf_0123 --what-if device=mobile --what-if country=DE
    """
    if everybody == bool(profile):
        raise InvalidInput("name one profile, or give --all", fix="omnimix decide CAMPAIGN PROFILE")
    with opened(workspace) as (settings, machine):
        job = settings.job(campaign)
        if everybody:
            _everybody(machine, job, placement, out, json=json)
            return
        request = Request(placement, profile_id=profile, campaign=campaign, context={**_pairs(context or ())})
        if suppose:
            dice = hashlib.shake_256(f"{campaign}:{profile}".encode()).digest(
                24
            )  # the same question, the same answer
            made, why = what_if(machine, request, _pairs(suppose), dice=dice)
        else:
            made, why = decide_for(machine, request), []
    if json:
        show.as_json({"slots": [_plain(m) for m in made], "explanations": why, "kept": not suppose})
        return
    for one in made:
        _print(one)
    for reason in why:
        _print_why(reason)
    show.out.print(
        "nothing was kept" if suppose else f"logged as {', '.join(m.decided.decision_id for m in made)}"
    )


def replay(decision: DecisionArgument, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Make a logged decision again from its release, to the last bit; exit 1 when anything differs."""
    with opened(workspace) as (_, machine):
        again = replay_of(machine, decision)
    if json:
        show.as_json(again)
    else:
        show.out.print(f"the same again: {again.variant or 'nothing'}, probability {again.probability:.6f}")


def explain(decision: DecisionArgument, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Say why a logged decision came out as it did: words, the parts of the score, and what was ruled out."""
    with opened(workspace) as (_, machine):
        found = explain_of(machine, decision)
    if json:
        show.as_json(found)
    else:
        _print_why(found)


def _pairs(given: Iterable[str]) -> dict[str, str]:
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name:
            raise InvalidInput(f"{one!r} is no pair", fix="write it like device=mobile")
        found[name] = value
    return found


def _everybody(machine: Machine, job: Job, placement: str, out: Path | None, *, json: bool) -> None:
    serving = current_serving(machine)
    target = out or machine.out / f"decisions-{job.campaign.key}.csv"
    if target.suffix not in _WRITERS:
        raise InvalidInput(
            f"{target.suffix!r} is no kind of file", where=str(target), fix="use .csv, .parquet, .jsonl"
        )
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        bar = None if json else stack.enter_context(Progress(console=show.err, transient=True))
        task = bar.add_task("deciding", total=None) if bar else None
        for part in decide_all(machine, job, placement, found=serving):
            rows += [_row(sent) for sent in part]
            if bar is not None and task is not None:
                bar.update(task, completed=len(rows))
    target.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[target.suffix](target, rows)
    shown = sum(row["variant"] is not None for row in rows)
    if json:
        show.as_json(
            {"file": str(target), "people": len(rows), "shown": shown, "release": serving.release.release_id}
        )
    else:
        show.out.print(f"{len(rows):,} people, something for {shown:,} of them → {target}", soft_wrap=True)


def _row(sent: Sent) -> dict[str, Any]:
    log, made = sent.made.decided, sent.made
    offer = made.served.running.offers[log.chosen].content if made.served and log.chosen >= 0 else None
    return {
        "profile_id": sent.profile_id,
        "decision_id": log.decision_id,
        "variant": log.variant or None,
        "probability": log.probability,
        "rung": log.rung,
        "lane": log.lane,
        "subject": offer.subject if offer else None,
        "url": offer.url if offer else None,
        "why": made.why or None,
    }


def _as_csv(target: Path, rows: list[dict[str, Any]]) -> None:
    with target.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _as_parquet(target: Path, rows: list[dict[str, Any]]) -> None:
    kinds = {name: pa.float64() if name == "probability" else pa.string() for name in _COLUMNS}
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds)), target)


def _as_lines(target: Path, rows: list[dict[str, Any]]) -> None:
    target.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))


_WRITERS = {".csv": _as_csv, ".parquet": _as_parquet, ".jsonl": _as_lines}


def _plain(made: Made) -> dict[str, Any]:
    log = made.decided
    return {
        "decision_id": log.decision_id,
        "campaign": log.campaign,
        "placement": log.placement,
        "variant": log.variant or None,
        "probability": log.probability,
        "segment": log.segment,
        "lane": log.lane,
        "rung": log.rung,
        "step": log.step,
        "release": log.release,
        "model": log.model or None,
        "excluded": excluded(log.against, log.pool),
        "content": made.content,
        "why": made.why,
    }


def _print(made: Made) -> None:
    log = made.decided
    what = log.variant or f"nothing: {made.why}"
    show.out.print(
        f"{what}  probability {log.probability:.3f}  lane {log.lane}, rung {log.rung}",
        soft_wrap=True,
        markup=False,
    )


def _print_why(found: Explanation) -> None:
    for line in found.words:
        show.out.print(line, soft_wrap=True, markup=False)
    if found.score is not None:
        show.as_table(("adds to the expected margin (minor units)", ""), found.contributions)
        show.out.print(f"together {found.score:,.2f}")
    if found.eligible:
        rows = [(r.variant, r.chance, r.score) for r in found.eligible]
        show.as_table(("variant", "chance", "expected margin"), rows)
    for variant, reasons in found.excluded:
        show.out.print(f"  not {variant}: {'; '.join(reasons)}", soft_wrap=True, markup=False)
