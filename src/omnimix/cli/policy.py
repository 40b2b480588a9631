"""`omnimix policy evaluate | promote | show`: the moment model of a campaign, judged before it is published.

in   a campaign's key
out  what the model would have earned, and whether it is served; exit code 1 where it is refused
"""

from pathlib import Path
from typing import Annotated

import typer

from omnimix.cli import show
from omnimix.cli.options import HERE, CampaignArgument, JsonOption, WorkspaceOption, opened
from omnimix.flow.learn import Policy, learn_moment, policy_of
from omnimix.measurement.learn.offpolicy import Estimate

FreshOption = Annotated[bool, typer.Option("--fresh", help="Sum every day anew, also those long closed.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(
        no_args_is_help=True,
        help="The moment model: learnt from live decisions, judged by what it would have earned, served.",
    )
    commands.command("evaluate")(evaluate)
    commands.command("promote")(promote)
    commands.command("show")(show_)
    app.add_typer(commands, name="policy")


def evaluate(
    campaign: CampaignArgument,
    fresh: FreshOption = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Learn a model from the log and say what it would have earned. Nothing is published.

    The log of the rung `moment` is cut in two by person; each half is judged with what the other half teaches.
    IPS, SNIPS and DR are estimates of the margin of a decision; DR is judged by. Exit code 1: refused.
    """
    return _learn(campaign, workspace, json=json, publish=False, fresh=fresh)


def promote(
    campaign: CampaignArgument,
    fresh: FreshOption = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> int:
    """Learn a model, judge it, and serve it where it passes.

    It passes when the log can speak for it and the lower end of its gain is at worst \\[moment] tolerance (5 %)
    below what ran. `omnimix release revert` goes back. Exit code 1: refused, what runs stays.
    """
    return _learn(campaign, workspace, json=json, publish=True, fresh=fresh)


def show_(campaign: CampaignArgument, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> int:
    """What was learnt last, and what came of it. Exit code 1 where it was refused."""
    with opened(workspace) as (settings, machine):
        policy = policy_of(machine, settings.job(campaign).campaign.key)
    return _print(policy, machine.currency, json=json)


def _learn(campaign: str, workspace: Path, *, json: bool, publish: bool, fresh: bool) -> int:
    with opened(workspace) as (settings, machine):
        policy = learn_moment(machine, settings.job(campaign), promote=publish, fresh=fresh)
    return _print(policy, machine.currency, json=json)


def _print(policy: Policy, currency: str, *, json: bool) -> int:
    verdict = policy.verdict
    if json:
        show.as_json(policy)
        return 0 if verdict.passed else 1
    found = verdict.evaluation
    show.out.print(
        f"{policy.version}, learnt from {policy.decisions} decisions on {policy.learnt_at:%Y-%m-%d %H:%M}"
    )
    if found is not None:
        estimates = {
            "what ran": found.running,
            "IPS": found.ips,
            "SNIPS": found.snips,
            "DR": found.dr,
            "gain": found.gain,
        }
        rows = [(name, *_cells(estimate)) for name, estimate in estimates.items()]
        show.as_table(("", f"margin a decision ({currency} / 100)", "95 % interval"), rows)
        overlap = found.overlap
        show.out.print(
            f"overlap: {overlap.decisions} decisions speak as {overlap.effective:.0f}; "
            f"mean weight {overlap.mean_weight:.2f}, largest {overlap.largest_share:.1%}"
        )
    if not verdict.passed:
        show.out.print(f"refused: {verdict.refused}")
    elif policy.release:
        show.out.print(f"served with {policy.release}; omnimix release revert goes back")
    else:
        show.out.print("passes; omnimix policy promote serves it")
    return 0 if verdict.passed else 1


def _cells(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "cannot be told", ""
    return f"{estimate.value:.2f}", f"{estimate.low:.2f} to {estimate.high:.2f}"
