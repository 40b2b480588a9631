"""Entries: what is posted to a campaign's books, in integer minor units.

in   amounts by account
out  balanced Entry records with a key of their own, so that posting twice posts once
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from omnimix.core.errors import InvalidInput
from omnimix.core.hashing import digest


class Account(StrEnum):
    """The accounts of a campaign. Debits are positive, credits negative."""

    MEDIA = "media"
    CREATIVE = "creative"
    REVIEW = "review"
    DATA = "data"
    PLATFORM = "platform"
    REFUNDS = "refunds"  # margin given back
    MARGIN = "margin"  # of every order by an assigned profile, before marketing and before refunds
    RECEIVABLE = "receivable"  # what orders bring in, less what refunds take out
    PAYABLE = "payable"  # what is owed for media, creatives, review, data, platform


COSTS = (Account.MEDIA, Account.CREATIVE, Account.REVIEW, Account.DATA, Account.PLATFORM)


@dataclass(frozen=True, slots=True)
class Line:
    """One posting: a debit (above zero) or credit (below zero) of an account."""

    account: Account
    minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One balanced entry. `key` is unique in a campaign; `reverses` is the key of the entry it takes back."""

    campaign: str
    key: str
    on: date
    memo: str
    lines: tuple[Line, ...]
    currency: str
    simulated: bool
    reverses: str | None = None

    def __post_init__(self) -> None:
        balance = sum(line.minor for line in self.lines)
        if balance:
            raise InvalidInput(
                f"the lines add up to {balance}, not 0", where=f"books entry {self.key!r}", fix="balance the entry"
            )
        if not self.lines or not all(line.minor for line in self.lines):
            raise InvalidInput(
                "an entry needs lines, and none of them zero",
                where=f"books entry {self.key!r}",
                fix="leave it out",
            )

    @property
    def digest(self) -> str:
        """SHA-256 of all content: the same key with another digest is a conflict."""
        return digest(self)

    @property
    def reversal_key(self) -> str:
        """The key of the entry that takes this one back."""
        return f"{self.key}:reversed"

    def reversal(self, *, on: date, why: str) -> "Entry":
        """The entry that takes this one back."""
        return Entry(
            campaign=self.campaign,
            key=self.reversal_key,
            on=on,
            memo=f"reverses {self.key}: {why}",
            lines=tuple(Line(line.account, -line.minor) for line in self.lines),
            currency=self.currency,
            simulated=self.simulated,
            reverses=self.key,
        )


def cost_entry(
    campaign: str, key: str, *, on: date, account: Account, minor: int, memo: str, currency: str, simulated: bool
) -> Entry | None:
    """A cost that is owed; None when it is zero. A negative amount is a credit note."""
    lines = (Line(account, minor), Line(Account.PAYABLE, -minor))
    return Entry(campaign, key, on, memo, lines, currency, simulated) if minor else None


def margin_entry(
    campaign: str,
    key: str,
    *,
    on: date,
    orders_minor: int,
    refunds_minor: int,
    memo: str,
    currency: str,
    simulated: bool,
) -> Entry | None:
    """Margin of orders and the margin that refunds took back (as a positive amount); None when both are zero."""
    amounts = (
        (Account.MARGIN, -orders_minor),
        (Account.REFUNDS, refunds_minor),
        (Account.RECEIVABLE, orders_minor - refunds_minor),
    )
    lines = tuple(Line(account, minor) for account, minor in amounts if minor)
    return Entry(campaign, key, on, memo, lines, currency, simulated) if lines else None


def totals(entries: Iterable[Entry]) -> Mapping[Account, int]:
    """Balance of every account, zero where nothing was posted."""
    balance = dict.fromkeys(Account, 0)
    for entry in entries:
        for line in entry.lines:
            balance[line.account] += line.minor
    return balance
