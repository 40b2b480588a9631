"""What may never set one customer apart from another: sensitive attributes and what stands in for them.

in   names of feature columns; keys of shares (categories, media) and of lifecycle stages
out  whether a name speaks of a sensitive attribute

The lists follow the special categories of the GDPR (Art. 9 and 10), the protected characteristics of the UK
Equality Act 2010 (s. 4) and what the large ad platforms forbid targeting by (health, hardship, beliefs).
"""

import re
from collections.abc import Iterable
from itertools import pairwise

from omnimix.core.errors import InvalidInput


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SPECIAL = _words("""
    sexual sexuality orientation lgbt lgbtq gay lesbian queer transgender intersex
    race racial ethnic ethnicity nationality citizenship caste immigrant immigration
    religion religious faith belief beliefs muslim islam islamic christian jewish judaism hindu sikh buddhist
    political politics party_membership voter trade_union
    health medical medicine disease illness diagnosis disability disabled mental therapy medication
    pregnancy pregnant maternity fertility infertility incontinence hiv std addiction rehab
    genetic biometric dna fingerprint criminal conviction arrest
    debt bankruptcy credit_score creditworthiness insolvency
""")
"""Words that disqualify any name: what was bought under such a heading would give the buyer away."""

ATTRIBUTES = _words("""
    gender sex male female age birthday birthdate birth dob marital married divorce widowed income salary union
    vote language surname
""")
"""Words that disqualify a feature column; as a product heading ("Birthday cards") they are harmless."""


def is_sensitive(name: str, *, column: bool = False) -> bool:
    """Whether any word of `name` (split at whatever is no letter, and at capitals) is on the lists."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = [w for w in re.split(r"[^a-z]+", spaced) if w]
    singular = [re.sub(r"ies$", "y", w).removesuffix("s") for w in words]
    said = {*words, *singular, *(f"{a}_{b}" for a, b in pairwise(words))}
    return bool(said & (SPECIAL | ATTRIBUTES if column else SPECIAL))


def refuse_sensitive(columns: Iterable[str]) -> None:
    """Raise InvalidInput when a column names a sensitive attribute."""
    for column in columns:
        if is_sensitive(column, column=True):
            raise InvalidInput(
                f"{column!r} is a sensitive attribute and is never used to tell customers apart",
                where="segments",
                fix="leave the column out of the features",
            )
