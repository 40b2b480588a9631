"""Factual phrases: what a reader would take as a statement of fact that needs proof.

in   one text
out  Phrase records with their place: numbers, prices, superlatives, guarantees, scarcity, popularity

What counts follows the advertising codes that ask for substantiation of objective claims (UK CAP Code section 3,
rules 3.7, 3.9, 3.17-3.23, 3.30 on prices, availability and comparisons) and the CMA Green Claims Code for
environmental words. The writer uses the same list to hold its own lines, the policy checks to hold everybody's.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from omnimix.core.money import Money, exponent
from omnimix.creative.claim import Claim, ClaimKind


@dataclass(frozen=True, slots=True)
class Phrase:
    """`text[start:end]` says something of `kind` that must be proved."""

    kind: ClaimKind
    text: str
    start: int
    end: int


_PRICE = (
    r"(?:[£$€¥]\s?\d[\d.,]*\d|[£$€¥]\s?\d|"
    r"\d[\d.,]*\s?(?:p|pence|pounds|quid|euros?|dollars?|GBP|EUR|USD|CHF|JPY)\b)"
)
_NUMBER_WORD = (
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
_PATTERNS: tuple[tuple[ClaimKind, str], ...] = (
    (
        ClaimKind.PRICE,
        rf"{_PRICE}|\bfree\b(?!\s+of\b)|\bhalf[- ]price\b|\bhalf off\b|\bprice cuts?\b|\bon sale\b|"
        rf"\breduced\b|\bdiscount\w*|"
        r"\bsav(?:e|es|ings?)\b|\bcheaper\b|\bless than (?:elsewhere|the high street)\b|"
        r"\bno extra cost\b|\bat cost\b|"
        r"\bbuy one\b|\b(?:two|three|four) for (?:one|two|three)\b|\bprice match\w*",
    ),
    (
        ClaimKind.NUMBER,
        r"(?<![\w#.])\d(?:[\d.,]*\d)?\s?(?:%|per ?cent\b)|(?<![\w#.])\d(?:[\d.,]*\d)?(?!\w)|\d+\s?%|"
        rf"\b(?:{_NUMBER_WORD})(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?\s(?:years?|"
        rf"days?|hours?|times|customers|"
        r"people|shoppers|reviews|stars?|shops|stores|countries|awards?|per cent)\b|"
        r"\b(?:dozens|hundreds|thousands|millions|half|most|majority|twice|double|"
        r"triple) (?:of )?(?:our |the )?"
        r"(?:people|customers|shoppers|families|homes|households|reviews|orders|buyers|as)\b|"
        r"\b(?:dozens|hundreds|thousands|"
        r"millions) of\b",
    ),
    (
        ClaimKind.SUPERLATIVE,
        r"\b(?:best|cheapest|lowest|highest|finest|greatest|largest|biggest|fastest|quickest|strongest|"
        r"safest|softest|"
        r"warmest|cosiest|loveliest|prettiest|brightest|newest|latest|easiest|nicest|freshest|widest|"
        r"oldest|simplest|"
        r"richest|purest|smartest|toughest|lightest|leading|ultimate|unbeatable|unrivalled|unmatched|"
        r"unique|perfect|"
        r"number one|no\.? ?1|first choice|world[- ]class|world'?s|top[- ]rated|award[- ]winning|"
        r"premium|superior|"
        r"second to none|better than (?:any|the rest|others)|only (?:shop|brand|one))\b|#1|"
        r"\bmost (?!of\b)\w+",
    ),
    (
        ClaimKind.GUARANTEE,
        r"\b(?:guarante\w+|warrant(?:y|ies)|money[- ]back|risk[- ]free|no risk|refunds?|refundable|"
        r"lifetime|certified|proven|"
        r"clinically|scientifically|tested|approved|return(?:s|ed)? (?:policy|free|within)|"
        r"change your mind|next[- ]day|"
        r"same[- ]day|fast delivery|quick delivery|in stock|eco[- ]friendly|sustainab\w+|organic|"
        r"recycled|carbon[- ]neutral|"
        r"biodegradable|plastic[- ]free|vegan|cruelty[- ]free|fair ?trade|hand[- ]?made|locally made|"
        r"made in|lasts?|durable|"
        r"unbreakable|waterproof|always|never (?:fails?|breaks?|fades?)|100 ?%)\b",
    ),
    (
        ClaimKind.SCARCITY,
        r"\b(?:last chance|last few|last days?|hurry|limited|exclusive\w*|only \w+ left|"
        r"while (?:stocks?|supplies) lasts?|"
        r"ends? (?:soon|today|tonight|tomorrow|on|this|sunday|monday|midnight)|ending (?:soon|today)|"
        r"today only|one day only|"
        r"this week only|final (?:day|days|hours|chance|call)|don['’]t miss|miss out|now or never|"
        r"selling (?:out|fast)|sold out|"
        r"almost gone|nearly gone|going fast|running (?:out|low)|before (?:it|they)['’](?:s|re) gone|"
        r"act (?:now|fast)|"
        r"order (?:now|by)|be quick|countdown|until \w+day|rare|new (?:in|arrivals?))\b",
    ),
    (
        ClaimKind.POPULARITY,
        r"\b(?:best[- ]?sell\w+|bestsell\w+|top[- ]sell\w+|favourites?|favorites?|popular\w*|"
        r"well[- ]loved|much[- ]loved|"
        r"(?:loved|trusted|chosen|adored|recommended|bought|picked) by|everyone['’]s|in demand|"
        r"sought[- ]after|"
        r"customers? (?:love|bought|chose)|viral|trending|five[- ]star|5[- ]star)\b",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS)


def factual_phrases(text: str, *, exempt: Iterable[str] = ()) -> tuple[Phrase, ...]:
    """The factual phrases of `text` in reading order; spellings in `exempt` (the brand's name) are passed over."""
    masked = text
    for name in exempt:
        if name:
            masked = re.sub(re.escape(name), lambda m: "\0" * len(m.group()), masked, flags=re.IGNORECASE)
    found = {
        (m.start(), m.end()): Phrase(kind, text[m.start() : m.end()], m.start(), m.end())
        for kind, pattern in reversed(_COMPILED)
        for m in pattern.finditer(masked)
    }
    kept: list[Phrase] = []
    for place in sorted(found, key=lambda p: (p[0], -p[1])):
        if not kept or place[1] > kept[-1].end:  # "£5" holds "5" already
            kept.append(found[place])
    return tuple(kept)


def covers(claim: Claim, phrase: Phrase, text: str) -> bool:
    """Whether the claim's own words stand in `text` around the phrase."""
    low, want = text.casefold(), claim.text.casefold()
    if not want or len(low) != len(text):
        return False
    at = low.find(want)
    while at >= 0:
        if at <= phrase.start and phrase.end <= at + len(want):
            return True
        at = low.find(want, at + 1)
    return False


def uncovered(text: str, claims: Iterable[Claim], *, exempt: Iterable[str] = ()) -> tuple[Phrase, ...]:
    """The factual phrases of `text` that no claim carries."""
    claims = tuple(claims)
    phrases = factual_phrases(text, exempt=exempt)
    return tuple(p for p in phrases if not any(covers(c, p, text) for c in claims))


def price_text(price: Money) -> str:
    """A price as a shop writes it: "£12.75", "£5" for a whole amount, "85p" below a pound."""
    if price.currency == "GBP" and 0 < price.minor < 100:
        return f"{price.minor}p"
    whole = exponent(price.currency) > 0 and price.minor % 10 ** exponent(price.currency) == 0
    return str(price).replace("." + "0" * exponent(price.currency), "") if whole else str(price)


def count_text(count: int) -> str:
    """A count with thousands separators: "1,204"."""
    return f"{count:,}"
