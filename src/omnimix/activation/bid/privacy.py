"""What may be used of a bid request: the person, or only where the ad stands, or nothing.

in   the request's regs, user and device; the workspace's consent rules
out  a Leave, with the reason where something is withheld

The person may be recognised only while nothing speaks against it: COPPA, do-not-track, limited ad tracking, Global
Privacy Control, an opt-out under US Privacy or GPP, and under the GDPR a TCF string that lacks a purpose of
advertising or our vendor. Where it is not told whether the GDPR applies, the country decides, and where that is
not told either, whether a TCF string came along.
"""

from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from omnimix.activation.bid.gpp import TCF_EU, opted_out, sections, us_privacy_opt_out
from omnimix.activation.bid.request import BidRequest, Regs
from omnimix.activation.bid.spec import BidRules
from omnimix.core.errors import InvalidInput
from omnimix.data.source.country import read_country
from omnimix.governance.consent.purpose import Purpose
from omnimix.governance.consent.signals import Signals
from omnimix.governance.consent.tcf import answer_of

# The European Economic Area, the United Kingdom, Switzerland (ISO 3166 alpha-2).
_EUROPE = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO GB CH"
_GDPR = frozenset(_EUROPE.split())


@dataclass(frozen=True, slots=True)
class Leave:
    """What a request leaves us. `person`: may be recognised; `bid`: may be bid upon at all."""

    person: bool
    bid: bool
    why: str = ""


_ALL = Leave(person=True, bid=True)


def leave_of(request: BidRequest, rules: BidRules, signals: Signals) -> Leave:
    """What may be used of a request."""
    why = _objection(request, rules, signals)
    return Leave(person=False, bid=rules.without_consent == "contextual", why=why) if why else _ALL


def _objection(request: BidRequest, rules: BidRules, signals: Signals) -> str:
    regs, device = request.regs or Regs(), request.device
    if regs.coppa:
        return "coppa"
    if device is not None and (device.lmt or device.dnt):
        return "do not track"
    ext = regs.ext
    if ext is not None and str(ext.gpc) == "1":
        return "global privacy control"
    told = regs.us_privacy if regs.us_privacy is not None else (ext.us_privacy if ext else None)
    if told is not None and us_privacy_opt_out(told):
        return "us privacy"
    if regs.gpp and regs.gpp_sid and opted_out(regs.gpp, regs.gpp_sid):
        return "gpp"
    consent = _tcf(request, regs)
    if _gdpr(request, regs, consent, rules) and not _consented(consent, signals):
        return "gdpr"
    return ""


def _tcf(request: BidRequest, regs: Regs) -> str | None:
    user = request.user
    told = None if user is None else user.consent or (user.ext.consent if user.ext else None)
    if not told and regs.gpp and TCF_EU in (regs.gpp_sid or ()):
        try:
            told = sections(regs.gpp).get(TCF_EU)
        except InvalidInput:
            return None
    return told


def _gdpr(request: BidRequest, regs: Regs, consent: str | None, rules: BidRules) -> bool:
    told = regs.gdpr if regs.gdpr is not None else (regs.ext.gdpr if regs.ext else None)
    if told is not None:
        return told == 1
    if TCF_EU in (regs.gpp_sid or ()):
        return True
    if not rules.assume_gdpr:
        return False
    device, user = request.device, request.user
    geo = (device.geo if device else None) or (user.geo if user else None)
    if geo is not None and geo.country:
        return country_of(geo.country) in _GDPR
    return bool(consent)


def _consented(consent: str | None, signals: Signals) -> bool:
    if not consent:
        return False
    answer = answer_of(consent, signals)
    return not isinstance(answer, InvalidInput) and answer.granted[Purpose.ADVERTISING]


@lru_cache(maxsize=1024)
def country_of(code: str) -> str:
    """A country as ISO 3166 alpha-2, of a code of two or three letters; "" where it is none."""
    return read_country(pa.array([code], pa.string()))[0].as_py() or ""
