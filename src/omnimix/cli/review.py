"""`omnimix review`: a person looks, approves or rejects.

in   variants that passed the checks
out  decisions bound to the digest of exactly what was shown, in the audit
"""

import getpass
from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, CampaignArgument, JsonOption, WorkspaceOption, opened
from omnimix.creative.review.decision import reject
from omnimix.creative.review.queue import Candidate, Status, candidates
from omnimix.flow.create import approve_variants, named

group = typer.Typer(no_args_is_help=True, help="Look at variants, approve or reject them.")
AsOption = Annotated[str, typer.Option("--as", help="Who decides; goes into the audit.")]
ME = getpass.getuser()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="review")


@group.command("list")
def list_command(
    campaign: CampaignArgument,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
    everything: Annotated[bool, typer.Option("--everything", help="Also what is decided or withdrawn.")] = False,
) -> int:
    """List what waits for a person. Exit 1 while something waits."""
    with opened(workspace) as (settings, machine), machine.ledger() as session:
        settings.job(campaign)
        found = candidates(session, campaign)
    waiting = [c for c in found if c.status is Status.QUEUED]
    shown = found if everything else [c for c in found if c.status in (Status.QUEUED, Status.BLOCKED)]
    if json:
        show.as_json([_plain(c) for c in shown])
    else:
        show.as_table(
            ("variant", "status", "headline", "findings", "by"),
            [
                (f"{c.variant_id}@{c.digest[:8]}", c.status, c.variant.headlines[0], len(c.findings), c.by)
                for c in shown
            ],
        )
        show.out.print(
            f"{len(waiting)} wait for review; pictures are under {machine.out / 'creatives' / campaign}"
        )
    return 1 if waiting else 0


@group.command("show")
def show_command(
    campaign: CampaignArgument, variant: str, workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Show all words, pictures, claims and findings of one variant, and the digest a decision quotes."""
    with opened(workspace) as (_, machine), machine.ledger() as session:
        found = named(session, campaign, variant)
    if json:
        show.as_json(_plain(found) | {"content": found.variant})
        return
    v = found.variant
    show.out.print(f"[bold]{found.variant_id}[/]  {found.status}  digest {found.digest[:16]}")
    for name, lines in (
        ("headlines", v.headlines),
        ("descriptions", v.descriptions),
        ("long headline", (v.long_headline,)),
        ("primary text", (v.primary_text,)),
        ("e-mail", (v.email.subject, v.email.preheader, *v.email.body)),
        ("claims", tuple(f"{c.text}  ← {c.source}" for c in v.claims)),
        ("pictures", tuple(str(machine.out / i.path) for i in v.images)),
    ):
        show.out.print(f"[dim]{name}[/]")
        for line in lines:
            show.out.print(f"  {line}", markup=False, soft_wrap=True)
    show.as_findings(found.findings)


@group.command("approve")
def approve_command(
    campaign: CampaignArgument,
    variants: Annotated[list[str] | None, typer.Argument(help="Variants as `review list` shows them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that waits.")] = False,
    person: AsOption = ME,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Approve variants exactly as they are now."""
    with opened(workspace) as (_, machine):
        done = approve_variants(machine, campaign, None if everything else variants or [], person=person)
    if json:
        show.as_json([_plain(c) for c in done])
    else:
        show.out.print(f"{len(done)} approved by {person}")


@group.command("reject")
def reject_command(
    campaign: CampaignArgument,
    variant: str,
    reason: Annotated[str, typer.Option("--reason", help="What is wrong with it.")],
    person: AsOption = ME,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Reject a variant, with the reason."""
    with opened(workspace) as (_, machine):
        with machine.ledger.begin() as session:
            shown = named(session, campaign, variant)
            done = reject(
                session,
                campaign,
                shown.variant_id,
                digest=shown.digest,
                approver=person,
                reason=reason,
                now=machine.clock(),
            )
        with machine.ledger() as session:
            machine.anchor.write(session)
    if json:
        show.as_json(_plain(done))
    else:
        show.out.print(f"{variant} rejected by {person}")


def _plain(found: Candidate) -> dict[str, object]:
    return {
        "variant": found.variant_id,
        "brief": found.variant.brief,
        "status": str(found.status),
        "digest": found.digest,
        "headline": found.variant.headlines[0],
        "findings": [{"rule": f.rule, "where": f.where, "why": f.why, "fix": f.fix} for f in found.findings],
        "by": found.by,
        "reason": found.reason,
    }
