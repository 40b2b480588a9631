"""IAB TCF v2 consent strings, as answers for our purposes.

in   a TC string, how the workspace reads them
out  purpose → granted, and when the string was last changed; or why it is no TC string

One of our purposes is granted where every TCF purpose it consists of is (IAB Europe, Transparency and Consent
Framework Policies, version 5, appendix A). Purposes 1, 3, 4, 5 and 6 need consent; for 2, 7, 8 and 9 the policies
(version 4 and later) also allow a legitimate interest. The TCF says nothing about e-mail.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from omnimix.core.errors import InvalidInput
from omnimix.governance.consent.purpose import Purpose
from omnimix.governance.consent.signals import Signals
from omnimix.governance.consent.tc_string import TcString, among, read_tc_string

CONSISTS_OF = {
    Purpose.MEASUREMENT: (1, 8, 9),  # store on the device · measure content · understand audiences
    Purpose.PERSONALISATION: (1, 5, 6),  # … · make profiles to personalise content · use them
    Purpose.ADVERTISING: (1, 2, 3, 4, 7),  # … · choose ads · make profiles for ads · use them · measure ads
}
_INTEREST_MAY_DO = frozenset({2, 7, 8, 9})
_FORBIDDEN, _CONSENT_ONLY, _INTEREST_ONLY = 0, 1, 2  # publisher restrictions


@dataclass(frozen=True, slots=True)
class Answer:
    """What a TC string says."""

    granted: dict[Purpose, bool]
    decided_at: datetime


def read_tcf(text: str, *, vendor: int | None, legitimate_interest: bool) -> Answer:
    """The answer of one TC string. Raises InvalidInput, saying why it is none."""
    found = read_tc_string(text)
    granted = {
        ours: all(_is_granted(found, p, vendor=vendor, interest=legitimate_interest) for p in theirs)
        for ours, theirs in CONSISTS_OF.items()
    }
    return Answer(granted, found.last_updated)


@lru_cache(maxsize=10_000)
def _read(text: str, vendor: int | None, interest: bool) -> Answer | InvalidInput:
    try:
        return read_tcf(text, vendor=vendor, legitimate_interest=interest)
    except InvalidInput as error:
        return error


def answer_of(text: str, signals: Signals) -> Answer | InvalidInput:
    """As `read_tcf`, with the fault returned; each string is read once."""
    return _read(text, signals.tcf_vendor, signals.tcf_legitimate_interest)


def _is_granted(found: TcString, purpose: int, *, vendor: int | None, interest: bool) -> bool:
    consented = among(found.consents, purpose)
    by_interest = interest and purpose in _INTEREST_MAY_DO and among(found.interests, purpose)
    if vendor is None:
        return consented or by_interest
    consented = consented and among(found.vendors, vendor)
    by_interest = by_interest and among(found.interest_vendors, vendor)
    kinds = {r.kind for r in found.restrictions if r.purpose == purpose and among(r.vendors, vendor)}
    if _FORBIDDEN in kinds:
        return False
    if _CONSENT_ONLY in kinds:
        by_interest = False
    if _INTEREST_ONLY in kinds:
        consented = False
    return consented or by_interest
