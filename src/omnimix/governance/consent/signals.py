"""How consent that arrives with live events is read: `[consent]` of omnimix.toml.

in   the table's keys
out  frozen records
"""

from collections.abc import Mapping
from dataclasses import field

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config
from omnimix.governance.consent.purpose import Purpose

_MOST_VENDORS = 65_535  # vendor ids are 16 bits


@config
class Signals:
    """What a client's words mean here.

    `categories` maps a category of the consent tool (Segment's `categoryPreferences`) to a purpose; a category
    that is called like a purpose needs no entry. `tcf_vendor` is your own id on the IAB's vendor list: with it a
    purpose must be granted to you, not only in general. `tcf_legitimate_interest` also counts a legitimate
    interest that was not objected to, where the TCF allows one; leave it off unless you rely on that ground.
    """

    categories: Mapping[str, Purpose] = field(default_factory=dict)
    tcf_vendor: int | None = None
    tcf_legitimate_interest: bool = False

    def __post_init__(self) -> None:
        if self.tcf_vendor is not None and not 1 <= self.tcf_vendor <= _MOST_VENDORS:
            raise InvalidInput(
                f"{self.tcf_vendor} is no vendor id", where="consent.tcf_vendor", fix=f"give 1 to {_MOST_VENDORS}"
            )

    @property
    def purposes(self) -> dict[str, Purpose]:
        """Category → purpose, with the purposes' own names."""
        return {str(p): p for p in Purpose} | dict(self.categories)


@config
class ConsentRules(Signals):
    """`[consent]`. `assume` names purposes taken as granted where a person said nothing."""

    assume: tuple[Purpose, ...] = ()

    @property
    def signals(self) -> Signals:
        """The part that decides what an event's words mean."""
        return Signals(
            categories=self.categories,
            tcf_vendor=self.tcf_vendor,
            tcf_legitimate_interest=self.tcf_legitimate_interest,
        )
