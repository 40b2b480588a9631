"""Consent by purpose: who may be measured, addressed personally, shown advertising, written to.

in   decisions with time and source; IAB TCF strings
out  Purpose, the decision in force for each profile, the profiles for whom a purpose is permitted
"""

from omnimix.governance.consent.decision import latest, permitted, withheld
from omnimix.governance.consent.purpose import Purpose

__all__ = ["Purpose", "latest", "permitted", "withheld"]
