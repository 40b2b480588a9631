"""IAB TCF v2 consent strings, as answers for our purposes.

in   a TC string, how the workspace reads them
out  purpose → granted, and when the string was last changed; or why it is no TC string

One of our purposes is granted where every TCF purpose it consists of is (IAB Europe, Transparency and Consent
Framework Policies, version 5, appendix A; string format: Consent string and vendor list formats v2). Purposes 1,
3, 4, 5 and 6 need consent; for 2, 7, 8 and 9 the policies (version 4 and later) also allow a legitimate interest.
The TCF says nothing about e-mail.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import iab_tcf

from omnimix.core.errors import InvalidInput
from omnimix.governance.consent.purpose import Purpose
from omnimix.governance.consent.signals import Signals

CONSISTS_OF = {
    Purpose.MEASUREMENT: (1, 8, 9),  # store on the device · measure content · understand audiences
    Purpose.PERSONALISATION: (1, 5, 6),  # … · make profiles to personalise content · use them
    Purpose.ADVERTISING: (1, 2, 3, 4, 7),  # … · choose ads · make profiles for ads · use them · measure ads
}
_INTEREST_MAY_DO = frozenset({2, 7, 8, 9})
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_LONGEST = 10_000  # characters; strings of real consent tools have some hundreds
_FORBIDDEN, _CONSENT_ONLY, _INTEREST_ONLY = 0, 1, 2  # publisher restrictions


@dataclass(frozen=True, slots=True)
class Answer:
    """What a TC string says."""

    granted: dict[Purpose, bool]
    decided_at: datetime


def read_tcf(text: str, *, vendor: int | None, legitimate_interest: bool) -> Answer:
    """The answer of one TC string. Raises InvalidInput, saying why it is none."""
    found = _decoded(text)
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


def _decoded(text: str) -> Any:
    if len(text) > _LONGEST or not _ALPHABET.fullmatch(text):
        raise InvalidInput("is no TCF consent string")
    try:
        core = iab_tcf.base64_decode(text.partition(".")[0])
        version = iab_tcf.version(core)
        if version != 2:
            raise InvalidInput(f"is a TCF string of version {version}; version 2 is read")
        found = iab_tcf.ConsentV2(core)
    except InvalidInput:
        raise
    except Exception:  # the decoder has no error of its own: a broken string fails wherever it breaks
        raise InvalidInput("is no TCF consent string") from None
    # Behind its end the decoder reads every bit as set: a string cut short must not be a yes to everything.
    if found._reader._pointer > 8 * len(core):
        raise InvalidInput("is a TCF consent string that was cut short")
    return found


def _is_granted(found: Any, purpose: int, *, vendor: int | None, interest: bool) -> bool:
    consented = bool(found.is_purpose_allowed(purpose))
    by_interest = interest and purpose in _INTEREST_MAY_DO and found.has_purpose_legitimate_interest(purpose)
    if vendor is None:
        return consented or bool(by_interest)
    consented = consented and found.is_vendor_allowed(vendor)
    by_interest = by_interest and found.is_interest_allowed(vendor)
    restrictions = {
        entry.restriction_type
        for entry in found.pub_restriction_entries
        if entry.purpose_id == purpose and entry.is_in_range(vendor)
    }
    if _FORBIDDEN in restrictions:
        return False
    if _CONSENT_ONLY in restrictions:
        by_interest = False
    if _INTEREST_ONLY in restrictions:
        consented = False
    return bool(consented or by_interest)
