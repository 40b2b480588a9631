"""What may never set one customer apart from another: sensitive attributes and what stands in for them.

in   names of feature columns, of product categories, of lifecycle stages
out  whether a name speaks of a sensitive attribute

The list follows the special categories of the GDPR (Art. 9 and 10), the protected characteristics of the UK
Equality Act 2010 (s. 4) and what the large ad platforms forbid targeting by (health, hardship, beliefs).
"""

import re
from collections.abc import Iterable

from omnimix.core.errors import InvalidInput

SENSITIVE = frozenset(
    """
    gender sex male female transgender intersex sexual sexuality orientation lgbt lgbtq gay lesbian queer
    age birthday birthdate birth dob race racial ethnic ethnicity nationality citizenship caste immigrant
    religion religious faith belief beliefs muslim islam islamic christian jewish judaism hindu sikh buddhist
    political politics party_membership vote voter union
    health medical medicine disease illness diagnosis disability disabled mental therapy medication
    pregnancy pregnant maternity fertility infertility incontinence hiv std addiction rehab
    genetic biometric dna fingerprint criminal conviction arrest
    marital divorce widowed income salary debt bankruptcy credit_score creditworthiness insolvency
    """.split()
)


def is_sensitive(name: str) -> bool:
    """Whether any word of `name` (split at everything but letters and at capitals) is on the list."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    words = [w for w in re.split(r"[^a-z]+", spaced) if w]
    pairs = {f"{a}_{b}" for a, b in zip(words, words[1:], strict=False)}
    return bool(SENSITIVE & ({*words, *pairs} | {w.removesuffix("s") for w in words}))


def refuse_sensitive(columns: Iterable[str]) -> None:
    """Raise InvalidInput when a column names a sensitive attribute."""
    for column in columns:
        if is_sensitive(column):
            raise InvalidInput(
                f"{column!r} is a sensitive attribute and is never used to tell customers apart",
                where="segments",
                fix="leave the column out of the features",
            )
