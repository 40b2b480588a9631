"""`omnimix claims`: the grounds that copy may rest on, and what of a sentence they carry.

in   sentences, a workspace's grounds
out  verdicts; grounds
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, JsonOption, WorkspaceOption, opened
from omnimix.core.errors import InvalidInput
from omnimix.creative.ledger.bind import Verdict
from omnimix.flow.claims import claim_ledger, examine

group = typer.Typer(
    no_args_is_help=True, help="The grounds that copy may rest on, and what of a sentence they carry."
)
CampaignOption = Annotated[
    str | None, typer.Option("--campaign", "-c", help="A campaign's key: its offer counts, and its last day.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="claims")


@group.command("check")
def check(
    texts: Annotated[list[str] | None, typer.Argument(help="Sentences to check.")] = None,
    file: Annotated[Path | None, typer.Option(help="A text file, one sentence a line.")] = None,
    product: Annotated[list[str] | None, typer.Option(help="Id of a product the text is shown with.")] = None,
    campaign: CampaignOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Say which ground carries each factual phrase, or why none does and which comes nearest. Exit 1 then."""
    given = [*(texts or []), *(_lines(file) if file else [])]
    if not given:
        raise InvalidInput(
            "there is no sentence", where="claims check", fix='omnimix claims check "Free delivery"'
        )
    with opened(workspace) as (settings, machine):
        job = settings.job(campaign) if campaign else None
        verdicts = examine(machine, job, tuple(given), tuple(product or ()))
    if json:
        rows = [{"text": t, "phrases": [_row(v) for v in found]} for t, found in zip(given, verdicts, strict=True)]
        show.as_json({"texts": rows})
    else:
        lines = [(t, *_line(v)) for t, found in zip(given, verdicts, strict=True) for v in found]
        if lines:
            show.as_table(("text", "phrase", "", "because"), lines)
        else:
            show.out.print("nothing in it is a statement of fact")
    return 1 if any(v.ground is None for found in verdicts for v in found) else 0


@group.command("grounds")
def grounds(
    about: Annotated[str | None, typer.Option(help="Only grounds of this product.")] = None,
    campaign: CampaignOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the grounds, each with its source and its last day."""
    with opened(workspace) as (settings, machine):
        ledger = claim_ledger(machine, settings.job(campaign) if campaign else None)
    found = [f for f in ledger.grounds if about is None or f.about == about]
    if json:
        show.as_json(
            [{"text": f.text, "source": f.source, "about": f.about, "until": f.expires_on} for f in found]
        )
    else:
        show.as_table(("ground", "source", "until"), [(f.text, f.source, f.expires_on or "") for f in found])


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"it cannot be read: {error}", where=str(file), fix="give a UTF-8 text file") from None


def _row(verdict: Verdict) -> dict[str, Any]:
    ground, near = verdict.ground, verdict.nearest
    return {
        "phrase": verdict.phrase.text,
        "kind": verdict.phrase.kind,
        "carried": ground is not None,
        "source": ground.source if ground else None,
        "why": verdict.why,
        "nearest": near.text if near else None,
        "nearest_source": near.source if near else None,
    }


def _line(verdict: Verdict) -> tuple[str, str, str]:
    if verdict.ground:
        return verdict.phrase.text, "ok", f"{verdict.ground.text} ({verdict.ground.source})"
    near = f"; nearest: {verdict.nearest.text} ({verdict.nearest.source})" if verdict.nearest else ""
    return verdict.phrase.text, "no", verdict.why + near
