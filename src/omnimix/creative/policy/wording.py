"""Wording checks: the brand's own taboos, nothing personal or sensitive, no shouting.

in   a variant and the facts
out  findings that name the text and the words
"""

import re
from collections.abc import Iterator

from omnimix.core.finding import Finding, Severity
from omnimix.creative.brief.lexicon import ACRONYMS
from omnimix.creative.brief.personal import Touch, personal_wordings
from omnimix.creative.policy.check import PolicyFacts, texts
from omnimix.creative.variant import Variant

_REASONS = {
    Touch.TRACKING: "it tells readers what is known about them",
    Touch.TRAIT: "it asserts something sensitive about the reader",
    Touch.DATA: "it holds personal data",
    Touch.SLOT: "it holds a slot for a name or an unfilled template",
}


def check_brand_words(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """No word of words.avoid; spellings of words.keep as they are written there."""
    avoid, keep = facts.brand.words.avoid, facts.brand.words.keep
    for where, text in texts(variant):
        for word in avoid:
            if word.strip() and re.search(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE):
                why = f"{text!r} uses {word!r}, which brand.toml words.avoid rules out"
                yield Finding("brand.avoid", Severity.BLOCKING, where, why, "say it another way")
        for word in keep:
            for match in re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE):
                if match.group() != word and not _opens(text, match.start(), match.group(), word):
                    why = f"{match.group()!r} is spelt {word!r} in brand.toml words.keep"
                    yield Finding("brand.spelling", Severity.WARNING, where, why, f"write {word!r}")


def _opens(text: str, at: int, found: str, word: str) -> bool:
    """Whether the only difference is the capital that begins a sentence."""
    return (at == 0 or text[:at].endswith((". ", "? "))) and found[1:] == word[1:]


def check_personal(variant: Variant, _facts: PolicyFacts) -> Iterator[Finding]:
    """Nothing personal: no tracking hints, no protected traits, no personal data, no name slots."""
    for where, text in (*texts(variant), *((f"keyword {i}", k) for i, k in enumerate(variant.keywords, 1))):
        for wording in personal_wordings(text):
            why = f"{wording.text!r} in {text!r}: {_REASONS[wording.touch]}"
            yield Finding(
                f"personal.{wording.touch.value}", Severity.BLOCKING, where, why, "speak of the product instead"
            )


def check_shouting(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """No capitals for emphasis, no repeated stops: platforms refuse both."""
    code = facts.campaign.offer.code if facts.campaign.offer is not None else None
    spared = {w for k in (*facts.brand.words.keep, facts.brand.name) for w in k.split()} | (
        {code} if code else set()
    )
    for where, text in texts(variant):
        for word in re.findall(r"\b[A-ZÀ-Þ][A-ZÀ-Þ'’]{2,}\d*\b", text):
            if word not in ACRONYMS and word not in spared:
                why = f"{word!r} in {text!r} is in capitals"
                yield Finding(
                    "wording.capitals", Severity.BLOCKING, where, why, "write it small, or add it to words.keep"
                )
        if re.search(r"[!?]{2,}|!.*!|\.{3}|…", text):
            why = f"{text!r} repeats stops"
            yield Finding("wording.stops", Severity.BLOCKING, where, why, "use one, or none")
