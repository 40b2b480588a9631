"""What the pages show, gathered from the workspace: campaigns, candidates, one candidate with everything about it.

in   a Machine, the campaigns' jobs
out  records for the templates
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from omnimix.activation.decide import stop
from omnimix.audience.persona.persona import Persona
from omnimix.core.errors import NotFound
from omnimix.creative.brief.brief import BROAD, Brief
from omnimix.creative.claim import Claim
from omnimix.creative.review.queue import Candidate, Status, candidate, candidates
from omnimix.flow.machine import Job, Machine
from omnimix.web.console.preview import Preview, previews


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign on the first page."""

    key: str
    name: str
    counts: Mapping[str, int]  # candidates by status
    stopped: str  # who stopped it, or ""
    simulated: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """One candidate and all that a person needs to decide."""

    candidate: Candidate
    previews: tuple[Preview, ...]
    claims: tuple[Claim, ...]
    brief: Brief | None
    persona: Persona | None
    before: str  # the variant shown before it in the queue, or ""
    after: str
    place: int  # 1-based
    total: int


def campaigns(machine: Machine, jobs: Mapping[str, Job]) -> tuple[CampaignRow, ...]:
    """Every campaign of the workspace, by key."""
    halted = stopped_by(machine)
    rows = []
    with machine.ledger() as session:
        for key, job in sorted(jobs.items()):
            counts = Counter(str(c.status) for c in candidates(session, key))
            who = halted.get(key) or halted.get(stop.ALL) or ""
            rows.append(CampaignRow(key, job.campaign.name, counts, who, job.simulator is not None))
    return tuple(rows)


def stopped_by(machine: Machine) -> dict[str, str]:
    """Who stopped what."""
    online = machine.online()
    try:
        return {key: s.actor for key, s in stop.stops(online).items()}
    finally:
        online.close()


def listed(machine: Machine, job: Job, *, status: str = "") -> tuple[Candidate, ...]:
    """Candidates of a campaign: those that wait first, then by brief and id; withdrawn ones only if asked for."""
    order = list(Status)
    with machine.ledger() as session:
        found = candidates(session, job.campaign.key)
    shown = [c for c in found if (c.status == status if status else c.status is not Status.WITHDRAWN)]
    waiting = sorted(
        shown, key=lambda c: (c.status is not Status.QUEUED, c.variant.brief != BROAD, c.variant.brief)
    )
    return tuple(sorted(waiting, key=lambda c: (c.status is not Status.QUEUED, order.index(c.status))))


def sheet(machine: Machine, job: Job, variant_id: str) -> Sheet:
    """One candidate with its surroundings. Raises NotFound."""
    with machine.ledger() as session:
        found = candidate(session, job.campaign.key, variant_id)
    names = [c.variant_id for c in listed(machine, job)]
    at = names.index(variant_id) if variant_id in names else -1
    variant = found.variant
    return Sheet(
        candidate=found,
        previews=previews(variant, machine.brand, job.campaign.channels),
        claims=variant.claims,
        brief=_brief(machine, job, variant.brief),
        persona=_persona(machine, variant.brief),
        before=names[at - 1] if at > 0 else "",
        after=names[at + 1] if 0 <= at < len(names) - 1 else "",
        place=at + 1,
        total=len(names),
    )


def _brief(machine: Machine, job: Job, key: str) -> Brief | None:
    try:
        found = machine.artifacts.load(f"{job.campaign.key}/briefs", tuple[Brief, ...])
    except NotFound:
        return None
    return next((b for b in found if b.key == key), None)


def _persona(machine: Machine, key: str) -> Persona | None:
    try:
        found = machine.artifacts.load("personas", tuple[Persona, ...])
    except NotFound:
        return None
    return next((p for p in found if p.segment.key == key), None)
