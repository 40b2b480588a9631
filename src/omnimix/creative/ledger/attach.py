"""Claims for words that somebody wrote: each factual phrase bound to the ground that carries it.

in   a variant whose words may have changed, the ledger
out  the variant with the claims its words rest on now
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from omnimix.creative.brief.phrase import uncovered
from omnimix.creative.claim import Claim
from omnimix.creative.ledger.bind import bind
from omnimix.creative.ledger.ground import Ledger
from omnimix.creative.variant import Variant


def with_claims(
    variant: Variant, texts: Iterable[str], ledger: Ledger, *, last_day: date, exempt: tuple[str, ...]
) -> Variant:
    """Keep the claims that still stand in the words, add those the ledger carries; what it does not stays open.

    `texts` are all texts of the variant. An open phrase is for the checks to find.
    """
    said = tuple(texts)
    kept = [c for c in variant.claims if any(c.text.casefold() in t.casefold() for t in said)]
    for text in said:
        if uncovered(text, kept, exempt=exempt):
            verdicts = bind(text, ledger, shown=variant.product_ids, last_day=last_day, exempt=exempt)
            kept += [c for c in (v.claim for v in verdicts) if c is not None and not _said(c, kept)]
    return replace(variant, claims=tuple(dict.fromkeys(kept)))


def _said(claim: Claim, kept: list[Claim]) -> bool:
    return any(claim.text.casefold() in k.text.casefold() and claim.source == k.source for k in kept)
