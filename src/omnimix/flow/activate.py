"""Stage 4 as steps of a run: the power verdict before money is spent, then plan and apply on each channel.

in   approved variants, members, the ladder, the user's own history of margins
out  artifact `foresight`; approved plans written to channels
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from omnimix.activation.channel.apply import apply, resume
from omnimix.activation.channel.approval import PlanApproval, approve_plan, find_approval
from omnimix.activation.channel.desired import desired, split_budget
from omnimix.activation.channel.limits import limit_findings
from omnimix.activation.channel.plan import Plan, make_plan
from omnimix.activation.channel.resource import Kind
from omnimix.activation.experiment.ladder import Rung
from omnimix.core.errors import NotAllowed
from omnimix.core.finding import Finding
from omnimix.core.money import Money
from omnimix.flow.create import approved_of
from omnimix.flow.machine import Job, Machine
from omnimix.flow.measure import weeks_of
from omnimix.flow.people import on_ladder, spreads_of
from omnimix.flow.step import Counts
from omnimix.flow.stop import refuse_stopped
from omnimix.measurement.lift.power import Verdict, verdicts
from omnimix.measurement.lift.reading import Reading
from omnimix.measurement.lift.spread import Spread


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan, what its limits say, and the daily budget of its channel."""

    plan: Plan
    findings: tuple[Finding, ...]
    budget: Money
    approved: bool


def propose(machine: Machine, job: Job, channel_name: str) -> Proposal:
    """Compare what the channel holds with what it shall hold. Writes nothing.

    Raises NotAllowed while no variant is approved, NotFound for a channel that is not installed.
    """
    campaign = job.campaign
    variants = approved_of(machine, job)
    if not variants:
        raise NotAllowed("no variant is approved", where=campaign.key, fix=f"omnimix review list {campaign.key}")
    channel = machine.channel(channel_name)
    budget = budget_of(machine, job, channel_name)
    wanted = desired(
        campaign,
        variants,
        channel=channel_name,
        supports=channel.supports,
        budget=budget,
        business_name=machine.brand.name,
        promoted=promoted_of(machine, job),
    )
    plan = make_plan(channel_name, wanted, channel.read(), campaign=campaign.key, supports=channel.supports)
    with machine.ledger() as session:
        standing = find_approval(session, plan)
    return Proposal(plan, limit_findings(plan, job.limits, budget=budget), budget, _stands(standing))


def _stands(standing: PlanApproval | None) -> bool:
    """Whether an approval still allows writing: one that was used up does not."""
    return standing is not None and not standing.finished


def budget_of(machine: Machine, job: Job, channel_name: str) -> Money:
    """What a channel may spend a day: an even share among the channels that spend at all."""
    total = Money.parse(job.campaign.daily_budget, machine.currency)
    spending = [c for c in job.campaign.channels if Kind.CAMPAIGN in machine.channel(c).supports]
    return split_budget(total, spending).get(channel_name, Money(0, machine.currency))


def promoted_of(machine: Machine, job: Job) -> dict[str, Rung]:
    """What each segment's `follow` lane has earned so far; nothing before the first reading.

    Readings come from the simulated market: once the campaign is not simulated any more they say nothing about it.
    """
    name, simulated = f"{job.campaign.key}/readings", job.simulator is not None
    readings = (
        machine.artifacts.load(name, tuple[Reading, ...]) if simulated and machine.artifacts.has(name) else ()
    )
    return {s: rung for s, rung in readings[-1].promoted.items() if rung is not Rung.BROAD} if readings else {}


def approve(
    machine: Machine, proposal: Proposal, *, digest: str, approver: str, accepting: tuple[str, ...] = ()
) -> None:
    """Record a person's approval of exactly this plan."""
    with machine.ledger.begin() as session:
        approve_plan(
            session,
            proposal.plan,
            digest=digest,
            approver=approver,
            findings=proposal.findings,
            accepting=accepting,
            now=machine.clock(),
        )
    with machine.ledger() as session:
        machine.anchor.write(session)


def deploy(machine: Machine, job: Job, channel_name: str, *, approver: str | None = None) -> Counts:
    """Write an approved plan to its channel. Raises NotAllowed for a plan nobody approved, or a stopped campaign.

    `approver` approves the plan first: for the demo, where nobody is there to look.
    """
    refuse_stopped(machine, job.campaign.key)
    resume(
        machine.ledger,
        machine.channel(channel_name),
        campaign=job.campaign.key,
        limits=job.limits,
        budget=budget_of(machine, job, channel_name),
        now=machine.clock(),
    )
    proposal = propose(machine, job, channel_name)
    if approver and proposal.plan.changes and not proposal.approved:
        approve(machine, proposal, digest=proposal.plan.digest, approver=approver)
        proposal = propose(machine, job, channel_name)
    plan, unit = proposal.plan, "resources"
    if plan.changes and not proposal.approved:
        raise NotAllowed(
            f"the plan for {channel_name} with {len(plan.changes)} changes waits for approval",
            where=job.campaign.key,
            fix=f"omnimix plan {job.campaign.key}, then omnimix apply {job.campaign.key} --as YOU",
        )
    total = len(plan.changes) + plan.unchanged
    if plan.changes:
        apply(
            machine.ledger,
            plan,
            machine.channel(channel_name),
            limits=job.limits,
            budget=proposal.budget,
            now=machine.clock(),
        )
        with machine.ledger() as session:
            machine.anchor.write(session)
    return Counts(
        total,
        total,
        unit_in=unit,
        unit_out=unit,
        detail={str(action): n for action, n in plan.counts().items() if n} | {"unchanged": plan.unchanged},
        output=[v.digest for v in approved_of(machine, job)],  # not the diff: applying must not look like news
    )


@dataclass(frozen=True, slots=True)
class Foresight:
    """What can be known before money is spent, among `people` people."""

    whom: str  # "own customers", or "own customers and simulated lookalikes"
    people: int
    weeks: int
    verdicts: tuple[Verdict, ...]


def foresee(machine: Machine, job: Job) -> Counts:
    """Say for each rung whether this traffic can tell what it is worth."""
    members = machine.warehouse.arrow(on_ladder(machine, job))
    own: dict[str, int] = dict(Counter(members["segment"].to_pylist()))
    bases = [("own customers", own)]
    if job.simulator and job.simulator.people > members.num_rows:
        scale = job.simulator.people / members.num_rows
        bases.append(("own customers and simulated lookalikes", {s: round(n * scale) for s, n in own.items()}))
    spreads = spreads_of(machine, job)
    found = tuple(_foresight(machine, job, whom, sizes, spreads) for whom, sizes in bases)
    machine.artifacts.save(f"{job.campaign.key}/foresight", found)
    verdicts = [v for f in found for v in f.verdicts]
    return Counts(
        len(bases),
        len(verdicts),
        unit_in="bases of people",
        unit_out="verdicts",
        detail={"can be known": sum(v.knowable for v in verdicts)},
        output=found,
    )


def _foresight(
    machine: Machine, job: Job, whom: str, sizes: dict[str, int], spreads: Mapping[str, Spread]
) -> Foresight:
    weeks, people = weeks_of(job), sum(sizes.values())
    weekly = Money.parse(job.campaign.daily_budget, machine.currency).minor * 7
    found = verdicts(
        spreads,
        profiles=sizes,
        shares=job.ladder.shares(),
        weeks=weeks,
        costs=job.costs,
        variants=Counter(v.brief for v in approved_of(machine, job)),
        media_per_week=weekly / max(1.0, people * (1 - job.ladder.none)),
        currency=machine.currency,
        standards=job.measurement,
    )
    return Foresight(whom, people, weeks, found)
