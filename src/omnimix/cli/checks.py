"""`omnimix checks`: the wording rules in force, by country, with their examples.

in   the packs
out  a table, JSON, or the page of the docs
"""

from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import JsonOption
from omnimix.creative.policy.pack import Pack, packs

_HEAD = (
    "# Wording rules by country\n\n"
    "Made by `omnimix checks --markdown` from `src/omnimix/creative/policy/packs/*.toml`. A blocking rule "
    "keeps a variant out of\nreview. The other checks stand in [stages/policy.md](stages/policy.md), phrases "
    "that need proof in "
    "[stages/claims.md](stages/claims.md).\n"
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("checks")(checks)


def checks(
    country: Annotated[str, typer.Option(help="Only rules that hold there: ISO 3166 alpha-2, as in GB.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page of the docs.")] = False,
    json: JsonOption = False,
) -> None:
    """List the wording rules by country: what they find, why, and whose rule it is."""
    chosen = [p for p in packs() if p.holds((country.upper(),) if country else ())]
    rows = [(p.name, r.code, str(r.severity.name).lower(), r.why, r.source) for p in chosen for r in p.rules]
    if json:
        show.as_json([dict(zip(("where", "code", "severity", "why", "source"), row, strict=True)) for row in rows])
    elif markdown:
        show.out.print(page(tuple(chosen)), markup=False, highlight=False, soft_wrap=True, end="")
    else:
        show.as_table(("where", "code", "", "why"), [row[:4] for row in rows])


def page(chosen: tuple[Pack, ...]) -> str:
    """The rules as a page of Markdown: one table a pack."""
    parts = [_HEAD]
    for pack in sorted(chosen, key=lambda p: (bool(p.countries), p.name)):
        parts.append(f"\n## {pack.name[0].upper()}{pack.name[1:]}\n")
        parts.append("| code | | fails | passes | why | source |\n|---|---|---|---|---|---|")
        parts += [
            f"| `{r.code}` | {r.severity.name.lower()} | {r.fails} | {r.passes} | {r.why} | {r.source} |"
            for r in pack.rules
        ]
    return "\n".join(parts) + "\n"
