"""The statement: trial balance of a campaign, what it cost, and what it brought in.

in   the campaign's journal; its increment over no advertising (lift); revenue credited by last click (performance)
out  a Statement

Two numbers stand side by side and must not be taken for each other. ROMI is the margin that the campaign
caused, net of all its costs, per unit of cost: randomised, with an interval. ROAS is the revenue that
followed a click, per unit of media: it counts orders that would have come anyway, and is graded `model`.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from omnimix.core.grade import Grade
from omnimix.measurement.books.entry import COSTS, Account, totals
from omnimix.measurement.books.journal import journal
from omnimix.measurement.lift.effect import Increment


@dataclass(frozen=True, slots=True)
class Balance:
    """One line of the trial balance in minor units: sums of debits and credits (both ≥ 0), and debit − credit."""

    account: Account
    debit: int
    credit: int
    balance: int


@dataclass(frozen=True, slots=True)
class Romi:
    """Incremental margin net of all costs, and per unit of cost. Costs are known; the interval is the margin's."""

    net: float  # minor units
    net_low: float
    net_high: float
    ratio: float  # net / costs; 0.2 means that every unit of cost came back and brought 0.2 more
    low: float
    high: float
    level: float
    grade: Grade
    simulated: bool


@dataclass(frozen=True, slots=True)
class Roas:
    """Revenue credited to last clicks per unit of media cost: what a platform would show, not what was caused."""

    revenue_minor: int
    ratio: float
    grade: Grade
    simulated: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """The books of a campaign. Amounts are minor units of `currency`."""

    campaign: str
    currency: str
    balances: tuple[Balance, ...]
    entries: int
    costs: int  # media, creative, review, data and platform together
    margin: int  # of all orders by assigned profiles, refunds taken off: not what the campaign caused
    romi: Romi | None  # None: no holdout or no costs
    roas: Roas | None  # None: not asked for, or no media
    simulated: bool

    @property
    def balanced(self) -> bool:
        """Whether debits equal credits; anything else means that rows were changed from outside."""
        return sum(b.balance for b in self.balances) == 0

    def cost(self, account: Account) -> int:
        """What was posted to one account, debit − credit."""
        return next(b.balance for b in self.balances if b.account == account)


def statement(
    session: Session,
    campaign: str,
    *,
    currency: str,
    increment: Increment | None = None,
    credited_revenue_minor: int | None = None,
) -> Statement:
    """Draw up the statement of everything posted so far. Without entries all balances are zero.

    `increment` should cover the weeks whose media were posted.
    """
    entries = journal(session, campaign)
    simulated = any(entry.simulated for entry in entries)
    net = totals(entries)
    costs = sum(net[account] for account in COSTS)
    return Statement(
        campaign=campaign,
        currency=entries[0].currency if entries else currency,
        balances=tuple(
            _balance(account, [line.minor for entry in entries for line in entry.lines if line.account is account])
            for account in Account
        ),
        entries=len(entries),
        costs=costs,
        margin=-net[Account.MARGIN] - net[Account.REFUNDS],
        romi=_romi(increment, costs, net[Account.MEDIA] + net[Account.PLATFORM]),
        roas=_roas(credited_revenue_minor, net[Account.MEDIA], simulated),
        simulated=simulated,
    )


def _balance(account: Account, amounts: list[int]) -> Balance:
    debit = sum(minor for minor in amounts if minor > 0)
    credit = -sum(minor for minor in amounts if minor < 0)
    return Balance(account, debit, credit, debit - credit)


def _romi(increment: Increment | None, costs: int, media: int) -> Romi | None:
    if increment is None or costs <= 0:
        return None
    # Media and the fee on it are in the increment already: only the other costs are still to be taken off.
    rest = costs - media
    net, low, high = (value - rest for value in (increment.net_of_media, increment.low, increment.high))
    return Romi(
        net=net,
        net_low=low,
        net_high=high,
        ratio=net / costs,
        low=low / costs,
        high=high / costs,
        level=increment.level,
        grade=increment.grade,
        simulated=increment.simulated,
    )


def _roas(revenue: int | None, media: int, simulated: bool) -> Roas | None:
    if revenue is None or media <= 0:
        return None
    return Roas(revenue, revenue / media, Grade.MODEL, simulated)
