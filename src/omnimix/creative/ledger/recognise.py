"""Claims in free text: every phrase that a reader would take as a statement of fact.

in   one text
out  Phrase records in reading order, none inside another

Wider than what the built-in writer is held to (`brief.phrase`): what somebody else wrote may also speak of
materials, health, safety, the environment, ratings and rivals (UK CAP Code sections 3, 11, 12; CMA Green Claims
Code 2021; FTC Green Guides, 16 CFR 260).
"""

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files

from omnimix.creative.brief.phrase import Phrase, factual_phrases
from omnimix.creative.claim import ClaimKind

_LISTS = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text("utf-8"))
_MORE = tuple(
    (ClaimKind(kind), re.compile(rf"(?<![\w-])(?:{'|'.join(said)})(?![\w-])", re.IGNORECASE))
    for kind, said in _LISTS.items()
)


def claim_phrases(text: str, *, exempt: Iterable[str] = ()) -> tuple[Phrase, ...]:
    """The phrases of `text` that need a ground; spellings in `exempt` (the brand's name) are passed over."""
    masked = text
    for name in exempt:
        masked = (
            re.sub(re.escape(name), lambda m: "\0" * len(m.group()), masked, flags=re.IGNORECASE)
            if name
            else masked
        )
    found = list(factual_phrases(masked))
    for kind, pattern in _MORE:
        found += [Phrase(kind, m.group(), m.start(), m.end()) for m in pattern.finditer(masked)]
    kept: list[Phrase] = []
    for phrase in sorted(found, key=lambda p: (p.start, -p.end)):
        if not kept or phrase.start >= kept[-1].end:
            kept.append(phrase)
    return tuple(kept)
