"""What a run needs in hand: the stores, the rules, the brand, and for one campaign its own rules.

in   nothing: `app` fills these records from settings
out  Machine (one workspace) and Job (one campaign file)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from omnimix.activation.bid.spec import BidRules
from omnimix.activation.channel.limits import Limits
from omnimix.activation.channel.port import Channel
from omnimix.activation.decide.feedback import FeedbackRules
from omnimix.activation.decide.pacing import Pacing
from omnimix.activation.decide.release import Placement
from omnimix.activation.decide.story import Story
from omnimix.activation.experiment.eligibility import Eligibility
from omnimix.activation.experiment.ladder import Ladder
from omnimix.audience.journey.pain.rules import PainRules
from omnimix.audience.journey.rules import JourneyRules, Lifecycle
from omnimix.audience.persona.fit import PersonaRules
from omnimix.audience.segment.rules import SegmentRules
from omnimix.audience.value.rules import ValueRules
from omnimix.core.clock import Clock
from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.creative.brand import Brand
from omnimix.creative.campaign import Campaign
from omnimix.creative.review.rules import ReviewRules
from omnimix.data.enrichment.audit import EnrichmentRules
from omnimix.data.identity.rules import STANDARD, IdentityRules
from omnimix.data.live.spec import Collect, live_source
from omnimix.data.robots.rules import RobotRules
from omnimix.data.source.spec import Source
from omnimix.governance.audit import Anchor
from omnimix.governance.keys import WorkspaceKey
from omnimix.governance.vault import Vault
from omnimix.measurement.learn.rules import MomentRules
from omnimix.measurement.lift.costs import Costs
from omnimix.measurement.lift.standards import Standards
from omnimix.store.artifacts import Artifacts
from omnimix.store.blobs import Blobs
from omnimix.store.ledger import Ledger
from omnimix.store.online.lmdb_store import MAP_BYTES
from omnimix.store.online.open import open_online
from omnimix.store.online.port import OnlineStore
from omnimix.store.warehouse import Warehouse

_LIVE = live_source(Collect(), currency="GBP")
HISTORY_WEEKS = 26  # of the user's own orders, from which purchase rates and variances are taken


@config
class Simulation:
    """`[simulator]` of a campaign: a market with planted truth, for trying the loop without spending."""

    people: int = 120_000  # the workspace's profiles and as many simulated lookalikes as it takes
    weeks: int = 6
    seed: int = 7

    def __post_init__(self) -> None:
        for key in ("people", "weeks"):
            if getattr(self, key) < 1:
                raise InvalidInput(f"a market without {key}", where=f"simulator.{key}", fix="give 1 or more")
        if self.seed < 0:
            raise InvalidInput("a seed is not negative", where="simulator.seed", fix="give 0 or more")


@config
class Job:
    """campaigns/<key>.toml. `[offer]` and `[products]` belong to the campaign."""

    campaign: Campaign
    ladder: Ladder = Ladder()
    costs: Costs = Costs()
    eligibility: Eligibility = Eligibility()
    limits: Limits = Limits()
    measurement: Standards = Standards()
    pacing: Pacing = Pacing()
    simulator: Simulation | None = None
    stories: tuple[Story, ...] = ()  # what the sequence rung tells; without, variants in the order of their steps


@dataclass(frozen=True, slots=True)
class Machine:
    """One workspace, opened. `root` is its folder, `out` what people take away, everything else is state."""

    root: Path
    out: Path
    name: str
    currency: str
    timezone: str  # IANA, in which hours and days are meant
    salt: str
    as_of: datetime | None  # fixes "today" for behaviour
    clock: Clock
    key: WorkspaceKey
    sources: Mapping[str, Source]
    consent_assumed: tuple[str, ...]
    journey: JourneyRules
    lifecycle: Lifecycle
    segments: SegmentRules
    brand: Brand
    warehouse: Warehouse
    ledger: Ledger
    vault: Vault
    blobs: Blobs
    artifacts: Artifacts
    anchor: Anchor
    channel: Callable[[str], Channel]
    pain: PainRules = field(default_factory=PainRules)
    value: ValueRules = field(default_factory=ValueRules)
    collect: Collect = field(default_factory=Collect)
    feedback: FeedbackRules = field(default_factory=FeedbackRules)
    live: Source = _LIVE  # how events that arrive over HTTP are read
    enrichment: EnrichmentRules = field(default_factory=EnrichmentRules)
    personas: PersonaRules = field(default_factory=PersonaRules)
    robots: RobotRules = field(default_factory=RobotRules)
    moment: MomentRules = field(default_factory=MomentRules)
    identity: IdentityRules = STANDARD
    review: ReviewRules = field(default_factory=ReviewRules)
    placements: Mapping[str, Placement] = field(default_factory=dict)  # where something may be shown
    bid: BidRules = field(default_factory=BidRules)
    online_url: str = field(default="", repr=False)  # "": LMDB beside the facts
    online_bytes: int = MAP_BYTES

    @property
    def online_folder(self) -> Path:
        """Where online state is while it is in LMDB."""
        return self.warehouse.local.root.parent / "online"

    def online(self) -> OnlineStore:
        """The store of online state, opened; close it."""
        return open_online(self.online_url, self.online_folder, map_bytes=self.online_bytes)

    @property
    def today(self) -> datetime:
        """The instant that recency and expiry of behaviour are reckoned from."""
        return self.as_of or self.clock()
