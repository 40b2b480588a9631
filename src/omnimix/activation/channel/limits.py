"""Safety limits: what about a plan could do harm, whoever asks for it.

in   a plan, the limits of the campaign, its budget
out  Findings; a blocking one stops `apply`

Three rules are about the size of a change and can be accepted by name when the plan is approved
(`limit.spend`, `limit.removals`, `limit.share`); the budget and the paused status cannot.
"""

from collections.abc import Iterator

from omnimix.activation.channel.plan import Action, Plan
from omnimix.activation.channel.resource import CampaignContent, Kind, Resource, Status
from omnimix.core.errors import InvalidInput
from omnimix.core.finding import Finding, Severity, sorted_findings
from omnimix.core.money import Money
from omnimix.core.record import config

ACCEPTABLE = frozenset({"limit.spend", "limit.removals", "limit.share"})


@config
class Limits:
    """How much one plan may change, in shares of what is live; the `[limits]` table of a campaign file."""

    raise_share: float = 0.25  # of the live daily budget
    removal_share: float = 0.25  # of the live resources
    change_share: float = 0.5  # of the live resources
    free_changes: int = 20  # a plan of at most so many removals and updates is never too large

    def __post_init__(self) -> None:
        if min(self.raise_share, self.removal_share, self.change_share, self.free_changes) < 0:
            raise InvalidInput("a limit cannot be negative", where="[limits]")


def limit_findings(plan: Plan, limits: Limits, *, budget: Money) -> tuple[Finding, ...]:
    """What is unsafe in the plan; `budget` is the most this channel may spend a day. Blocking ones first."""
    return sorted_findings(
        (
            *_not_paused(plan),
            *_over_budget(plan, budget),
            *_raised(plan, limits),
            *_removed(plan, limits),
            *_changed(plan, limits),
        )
    )


def _blocking(rule: str, where: str, why: str, fix: str) -> Finding:
    return Finding(rule, Severity.BLOCKING, where, why, fix)


def _not_paused(plan: Plan) -> Iterator[Finding]:
    for change in plan.changes:
        was_on = change.before is not None and change.before.status is Status.ENABLED
        if change.action is not Action.REMOVE and change.subject.status is not Status.PAUSED and not was_on:
            yield _blocking(
                "limit.paused",
                change.subject.key,
                f"it would be {change.subject.status} at once",
                "create it paused; a person turns it on at the platform",
            )


def _over_budget(plan: Plan, budget: Money) -> Iterator[Finding]:
    total = Money(0, budget.currency)
    for change in plan.changes:
        if change.action is not Action.REMOVE:
            total += _spend(change.subject, budget.currency)
    if total.minor > budget.minor:
        yield _blocking(
            "limit.budget",
            plan.campaign,
            f"{total} a day is more than the {budget} this channel may spend",
            "lower the budgets, or raise daily_budget in the campaign file",
        )


def _raised(plan: Plan, limits: Limits) -> Iterator[Finding]:
    for change in plan.changes:
        if change.action is not Action.UPDATE or change.before is None:
            continue
        after, before = change.subject.content, change.before.content
        if isinstance(after, CampaignContent) and isinstance(before, CampaignContent):
            more = after.daily_budget.minor - before.daily_budget.minor
            if more > 0:
                yield Finding(
                    "limit.spend",
                    _severity(more > limits.raise_share * before.daily_budget.minor),
                    change.subject.key,
                    f"the daily budget rises from {before.daily_budget} to {after.daily_budget}",
                    f"accept limit.spend with the approval, or raise it in steps of {limits.raise_share:.0%}",
                )


def _removed(plan: Plan, limits: Limits) -> Iterator[Finding]:
    gone = plan.counts()[Action.REMOVE]
    if gone:
        live = _live(plan)
        yield Finding(
            "limit.removals",
            _severity(gone > max(limits.removal_share * live, limits.free_changes)),
            plan.campaign,
            f"{gone} of {live} live resources would be removed",
            "look through the removals, then accept limit.removals with the approval",
        )


def _changed(plan: Plan, limits: Limits) -> Iterator[Finding]:
    counts = plan.counts()
    touched, live = counts[Action.UPDATE] + counts[Action.REMOVE], _live(plan)
    if touched > max(limits.change_share * live, limits.free_changes):
        yield _blocking(
            "limit.share",
            plan.campaign,
            f"{touched} of {live} live resources would change, more than {limits.change_share:.0%}",
            "make sure the right campaign is planned, then accept limit.share with the approval",
        )


def _live(plan: Plan) -> int:
    return plan.unchanged + sum(c.before is not None for c in plan.changes)


def _severity(too_much: bool) -> Severity:
    return Severity.BLOCKING if too_much else Severity.WARNING


def _spend(resource: Resource, currency: str) -> Money:
    if resource.kind is Kind.CAMPAIGN and isinstance(resource.content, CampaignContent):
        return resource.content.daily_budget
    return Money(0, currency)
