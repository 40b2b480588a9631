"""`omnimix plan`, `apply`: what a channel would change.

in   approved variants
out  plans; channel files
"""

from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, CampaignArgument, JsonOption, WorkspaceOption, opened
from omnimix.flow.activate import Proposal, approve, deploy, propose

ChannelOption = Annotated[list[str] | None, typer.Option("--channel", help="Only this channel; may be repeated.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("plan")(plan)
    app.command("apply")(apply)


def plan(
    campaign: CampaignArgument,
    channel: ChannelOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Show what each channel would change, and what its limits say. Writes nothing. Exit 1 while one waits."""
    with opened(workspace) as (settings, machine):
        job = settings.job(campaign)
        found = [propose(machine, job, name) for name in channel or job.campaign.channels]
    if json:
        show.as_json([_plain(p) for p in found])
    else:
        for proposal in found:
            _print(proposal)
    return 1 if any(p.plan.changes and not p.approved for p in found) else 0


def apply(
    campaign: CampaignArgument,
    person: Annotated[str, typer.Option("--as", help="Who approves; goes into the audit.")] = "",
    digest: Annotated[
        list[str] | None, typer.Option("--digest", help="Approve only plans with this digest, as `plan` shows it.")
    ] = None,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", help="A limit to accept, such as limit.spend.")
    ] = None,
    channel: ChannelOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Approve the plans (with --as) and write them. Safe to repeat: what is there is not written again."""
    written = {}
    with opened(workspace) as (settings, machine):
        job = settings.job(campaign)
        for name in channel or job.campaign.channels:
            proposal = propose(machine, job, name)
            shown = [d for d in digest or [] if proposal.plan.digest.startswith(d)]
            if person and proposal.plan.changes and (shown or not digest):
                approve(
                    machine,
                    proposal,
                    digest=proposal.plan.digest,
                    approver=person,
                    accepting=tuple(accept or ()),
                )
            written[name] = deploy(machine, job, name)
    if json:
        show.as_json({name: counts.detail for name, counts in written.items()})
    else:
        for name, counts in written.items():
            show.out.print(f"{name}: {', '.join(f'{n} {what}' for what, n in counts.detail.items())}")
        show.out.print(f"everything is created paused; files are in {machine.out / 'channels'}")


def _print(proposal: Proposal) -> None:
    plan = proposal.plan
    state = "approved" if proposal.approved else "waits for approval" if plan.changes else "nothing to do"
    counts = ", ".join(f"{n} {action}" for action, n in plan.counts().items() if n) or "no change"
    show.out.print(
        f"[bold]{plan.channel}[/]  {counts}, {plan.unchanged} unchanged, budget {proposal.budget} a day  "
        f"digest {plan.digest[:12]}  {state}",
        soft_wrap=True,
    )
    show.as_findings(proposal.findings)


def _plain(proposal: Proposal) -> dict[str, object]:
    return {
        "channel": proposal.plan.channel,
        "digest": proposal.plan.digest,
        "approved": proposal.approved,
        "changes": [change.name for change in proposal.plan.changes],
        "unchanged": proposal.plan.unchanged,
        "budget_minor": proposal.budget.minor,
        "findings": [{"rule": f.rule, "where": f.where, "why": f.why, "fix": f.fix} for f in proposal.findings],
    }
