"""Binding: each factual phrase of a text to the ground it rests on, or why it rests on none.

in   a text, the ledger, the products it is shown with, its last day
out  Verdict records, one a phrase

A ground carries a phrase when it is of the product spoken of or of the whole shop, has not run out, says every
quantity and every word of fact of the phrase and of the words beside it, denies and affirms the same, and none of
its own conditions ("over £50", "UK", "selected") is left out of the text. What is not understood is refused.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from omnimix.creative.brief.phrase import Phrase
from omnimix.creative.claim import Claim, ClaimKind
from omnimix.creative.ledger.arithmetic import MONEY, reckoned, worth
from omnimix.creative.ledger.condition import LIMITED, Spoken, is_threshold, left_out, no_wider
from omnimix.creative.ledger.ground import Ground, Ledger
from omnimix.creative.ledger.meaning import (
    BARE,
    CONDITIONS,
    EVERY,
    IMPLIED,
    Bound,
    Meaning,
    Quantity,
    Token,
    meaning_of,
)
from omnimix.creative.ledger.recognise import claim_phrases

_CLAUSE = re.compile(r"[.;!?:]\s|[.;!?:]$|\s[–—|·]\s|,\s(?:and\s|plus\s|with\s)?|\s(?:and|plus|but)\s")
_BESIDE = 2  # word of fact on either side that a phrase is read with
_SHORT = 3  # letters of a word that is no end of a compound
_RANKS = frozenset({ClaimKind.SUPERLATIVE, ClaimKind.COMPARISON})
_POINTING = re.compile(r"\b(?:this|these|both|it|them|one|pair|together)\b", re.IGNORECASE)
_NAMED_ONLY = EVERY | CONDITIONS | BARE  # words that state nothing alone


@dataclass(frozen=True, slots=True)
class Verdict:
    """One phrase and the ground that carries it; None where none does, with the reason and the nearest."""

    phrase: Phrase
    ground: Ground | None
    why: str = ""
    nearest: Ground | None = None

    @property
    def claim(self) -> Claim | None:
        """The phrase as a claim bound to its source; None where nothing carries it."""
        if self.ground is None:
            return None
        return Claim(self.phrase.kind, self.phrase.text, self.ground.source, self.ground.expires_on)


@dataclass(frozen=True, slots=True)
class _Said:
    """A phrase in its sentence: its own tokens, those beside it, all words and quantities of the text."""

    own: tuple[Token, ...]
    beside: tuple[Token, ...]
    head: Token | None  # the word that follows the phrase: what it is said of
    touching: frozenset[str]  # the words of fact right before and after the phrase
    words: frozenset[str]
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class _Scene:
    """What a text is read against. `vocabulary`: words that must not be passed over."""

    products: frozenset[str]
    names: frozenset[str]
    vocabulary: frozenset[str]
    worth: float  # money that buying what is spoken of comes to, 0 where it is not spoken of
    last_day: date
    products_names: tuple[frozenset[str], ...]  # the words of the name of each product
    facts: Mapping[str, frozenset[tuple[str, bool]]]  # by product, its words of fact and whether each is denied


def bind(
    text: str, ledger: Ledger, *, shown: Iterable[str] = (), last_day: date, exempt: tuple[str, ...] = ()
) -> tuple[Verdict, ...]:
    """A verdict for each factual phrase of `text`, in reading order.

    `shown`: ids of the products the text stands beside; a product that the text names goes before them.
    `last_day`: the last day on which somebody may read it. `exempt`: spellings that are no claims (the
    brand's name).
    """
    meaning = meaning_of(text)
    products, by_name = _spoken_of(meaning.stems, ledger, frozenset(shown))
    own_words = frozenset(w for e in exempt for w in meaning_of(e).stems)
    shared = _names(products, meaning.stems, ledger)
    pointed = by_name or _POINTING.search(text) is not None
    spent = worth(text, products, ledger) if pointed else 0.0
    vocabulary = ledger.vocabulary | EVERY | CONDITIONS
    every = tuple(ledger.names.get(p, frozenset()) for p in sorted(products))
    scene = _Scene(products, own_words | shared, vocabulary, spent, last_day, every, ledger.words)
    found = claim_phrases(text, exempt=exempt)
    phrases = (*found, *_facts_named(text, meaning.tokens, found, ledger, scene))
    return tuple(
        _verdict(phrase, _said(text, meaning.tokens, phrase), ledger, scene, text)
        for phrase in sorted(phrases, key=lambda p: p.start)
        if not _only_names(phrase, scene.names)
    )


def _facts_named(
    text: str, tokens: tuple[Token, ...], found: tuple[Phrase, ...], ledger: Ledger, scene: _Scene
) -> Iterator[Phrase]:
    """The words that stand in no known claim phrase but in a fact of the shop: who says them states something."""
    telling = ledger.telling - scene.names - _NAMED_ONLY
    for token in tokens:
        inside = any(p.start < token.end and token.start < p.end for p in found)
        if token.stem in telling and not inside:
            yield Phrase(ClaimKind.MATERIAL, text[token.start : token.end], token.start, token.end)


def _only_names(phrase: Phrase, names: frozenset[str]) -> bool:
    """Whether the phrase is a part of a product's name and nothing else ("glass vase")."""
    read = meaning_of(phrase.text)
    return bool(read.stems) and not read.quantities and read.stems <= names and phrase.kind is ClaimKind.MATERIAL


def _spoken_of(words: frozenset[str], ledger: Ledger, shown: frozenset[str]) -> tuple[frozenset[str], bool]:
    """The products a text names, in full or by the noun of their name, and whether it does; else those shown."""
    named = {p for p, name in ledger.names.items() if name and name <= words}
    longest = {p for p in named if not any(ledger.names[p] < ledger.names[o] for o in named)}
    if longest:
        return frozenset(longest), True
    by_noun = {p: len(ledger.names[p] & words) for p, noun in ledger.nouns.items() if noun in words}
    if shown and all((ledger.names[p] - _others(p, shown, ledger)) & words for p in shown if p in ledger.names):
        return shown, True
    here = {p: n for p, n in by_noun.items() if p in shown}
    if here or not shown:
        best = here or {p: n for p, n in by_noun.items() if n == max(by_noun.values())}
        return frozenset(best), bool(best)
    return shown, False


def _names(products: frozenset[str], words: frozenset[str], ledger: Ledger) -> frozenset[str]:
    """The words the products go by: of every one where each is named, else those they have in common.

    The end of a compound goes for the whole: "cards" for "notecards".
    """
    names = {p: ledger.names.get(p, frozenset()) for p in products}
    each = all((name - _others(p, products, ledger)) & words for p, name in names.items())
    every = frozenset[str]().union(*names.values())
    common = every if each else every.intersection(*names.values())
    return common | {w for w in words if len(w) > _SHORT and any(n.endswith(w) for n in common)}


def _others(product: str, shown: frozenset[str], ledger: Ledger) -> frozenset[str]:
    return frozenset[str]().union(*(ledger.names.get(p, frozenset()) for p in shown - {product}))


def _said(text: str, tokens: tuple[Token, ...], phrase: Phrase) -> _Said:
    cuts = [0, *(m.end() for m in _CLAUSE.finditer(text)), len(text)]
    begin = max(c for c in cuts if c <= phrase.start)
    end = min((c for c in cuts if c >= phrase.end), default=len(text))
    own = tuple(t for t in tokens if t.start < phrase.end and t.end > phrase.start)
    clause = [t for t in tokens if begin <= t.start and t.end <= end]
    before = [t for t in clause if t.end <= phrase.start][-_BESIDE:]
    after = [t for t in clause if t.start >= phrase.end][:_BESIDE]
    if not own and phrase.kind not in _RANKS:
        own, after = tuple(after or before[-1:]), []  # "made from …": what stands beside it is what is said
    head = after[0] if after and not re.search(r"\w", text[phrase.end : after[0].start]) else None
    tail = before[-1:] if before and not re.search(r"\w", text[before[-1].end : phrase.start]) else []
    touching = frozenset(t.stem for t in (*tail, *([head] if head else [])))
    whole = meaning_of(text)
    return _Said(own, (*before, *after), head, touching, whole.stems, whole.quantities)


def _verdict(phrase: Phrase, said: _Said, ledger: Ledger, scene: _Scene, text: str) -> Verdict:
    products = scene.products
    base = _by_sum(phrase, said, ledger, scene, text)
    if base is not None:
        return Verdict(phrase, base)
    if phrase.kind is ClaimKind.PRICE and any(t.quantity and t.quantity.bound is Bound.FROM for t in said.own):
        return _lowest(phrase, said, ledger, scene)
    if phrase.kind in _RANKS:
        ledger = replace(ledger, grounds=tuple(g for g in ledger.grounds if _literally(phrase, g)))
    reasons: list[tuple[int, str, Ground]] = []
    carried: dict[str, Ground] = {}
    for ground in ledger.grounds:
        why = _why_not(said, ground, scene)
        if why is None:
            if ground.about is None or products == {ground.about}:
                return Verdict(phrase, ground)
            carried[ground.about] = ground
        else:
            reasons.append((_closeness(said, ground), why, ground))
    if products and products <= carried.keys():
        return Verdict(phrase, carried[min(products)])
    if carried:
        one = carried[min(carried)]
        return Verdict(phrase, None, "it is true of one product shown here and not of every one", one)
    closest = max(reasons, key=lambda r: (r[0], r[2].about in products), default=None)
    if closest is None or closest[0] == 0:
        return Verdict(phrase, None, "no ground speaks of it")
    return Verdict(phrase, None, closest[1], closest[2])


def _by_sum(phrase: Phrase, said: _Said, ledger: Ledger, scene: _Scene, text: str) -> Ground | None:
    """The price that a told amount, or a count beside one ("two mugs for £28"), is reckoned from."""
    counts = [t.quantity for t in said.own if t.quantity and t.quantity.unit in ("", "piece")]
    counted = phrase.kind is ClaimKind.NUMBER and len(counts) == len(said.own) == 1
    money = [q for q in (said.quantities if counted else [t.quantity for t in said.own]) if q and q.unit in MONEY]
    if len(money) != 1 or not (counted or phrase.kind is ClaimKind.PRICE):
        return None
    return reckoned(money[0], text, meaning_of(text), scene.products, ledger, scene.last_day, counted=counted)


def _literally(phrase: Phrase, ground: Ground) -> bool:
    """Comparisons and superlatives hold only where a ground has them word for word."""
    return phrase.text.casefold() in ground.text.casefold()


def _closeness(said: _Said, ground: Ground) -> int:
    """How many of the phrase's words and units the ground shares, its own counting ten times."""
    known = _closure(ground.meaning)
    units = {q.unit for q in ground.meaning.quantities}

    def shared(tokens: Iterable[Token]) -> int:
        return sum(
            (t.stem in known) if t.stem else (t.quantity is not None and t.quantity.unit in units) for t in tokens
        )

    return 10 * shared(said.own) + shared(said.beside)


def _why_not(said: _Said, ground: Ground, scene: _Scene) -> str | None:
    """Why a ground does not carry a phrase; None when it does."""
    known = _closure(ground.meaning)
    spoken = Spoken(said.own, said.words, said.quantities, scene.products_names, scene.worth)
    if ground.about is not None and ground.about not in scene.products:
        return (
            "it is true of another product"
            if _says(said.own, ground, known | scene.names, scene.last_day)
            else "no ground speaks of it"
        )
    if not any(t.quantity or t.stem in known for t in said.own):
        return "no ground speaks of it"
    if not _says(said.own, ground, known | scene.names, scene.last_day):
        return f"it says {ground.text!r}"
    return (
        _beyond(said, ground, known, scene)
        or _denied(said, ground)
        or left_out(spoken, ground)
        or _run_out(ground, scene)
    )


def _says(tokens: Iterable[Token], ground: Ground, known: frozenset[str], last_day: date) -> bool:
    """Whether a ground says every quantity and every word of a phrase."""
    return all(_carried(t.quantity, ground, last_day) if t.quantity else t.stem in known for t in tokens)


def _beyond(said: _Said, ground: Ground, known: frozenset[str], scene: _Scene) -> str | None:
    """What stands beside the phrase and goes beyond the ground: another quantity, another thing, "all"."""
    units = {q.unit for q in ground.meaning.quantities}
    for token in said.beside:
        if token.quantity:
            if token.quantity.unit in units and not _carried(token.quantity, ground, scene.last_day):
                return f"it says {ground.text!r}"
            continue
        fact = token is said.head or token.stem in scene.vocabulary
        if fact and token.stem not in known | scene.names and not _elsewhere(token, said, ground, scene):
            return f"it does not say {token.stem!r}"
    return None


def _elsewhere(token: Token, said: _Said, ground: Ground, scene: _Scene) -> bool:
    """Whether another fact of the same product says a word that stands apart from the phrase."""
    if ground.about is None or token.stem in said.touching or token.stem in EVERY | CONDITIONS:
        return False
    return (token.stem, token.negated) in scene.facts.get(ground.about, frozenset())


def _denied(said: _Said, ground: Ground) -> str | None:
    theirs = {t.stem: t.negated for t in ground.meaning.tokens if t.stem}
    own = {t.stem for t in said.own}
    mine = {t.stem: t.negated for t in (*said.own, *said.beside) if t.stem in theirs or t.stem in own - {""}}
    differs = any(denied != theirs.get(word, False) for word, denied in mine.items())
    return f"it says the opposite: {ground.text!r}" if differs else None


def _run_out(ground: Ground, scene: _Scene) -> str | None:
    over = ground.expires_on is not None and ground.expires_on < scene.last_day
    return f"it holds until {ground.expires_on} only" if over else None


def _carried(told: Quantity, ground: Ground, last_day: date) -> bool:
    """Whether a ground says this quantity; a threshold of money may also be told higher than it is."""
    known = ground.meaning.quantities
    if told.unit == "year" and "since" in ground.meaning.stems:
        return any(_years_since(told, q, last_day) for q in known)
    if told.bound in (Bound.OVER, Bound.LEAST) and ground.meaning.stems & LIMITED:
        known = tuple(replace(q, bound=Bound.EXACT) if q.bound is Bound.MOST else q for q in known)
    return any(told.follows_from(q) or (is_threshold(q) and no_wider(told, q)) for q in known)


def _years_since(told: Quantity, known: Quantity, last_day: date) -> bool:
    """ "Over 60 years" where the ground says "since 1962": only as a bound, the day of the year is not known."""
    full = Quantity("year", last_day.year - known.value - (told.bound is not Bound.NEAR))
    return known.unit == "" and told.bound is not Bound.EXACT and told.follows_from(full)


def _lowest(phrase: Phrase, said: _Said, ledger: Ledger, scene: _Scene) -> Verdict:
    """ "… from £9.95": the lowest price of the kind that the text names."""
    kinds = {k for k in ledger.kinds.values() if meaning_of(k).stems and meaning_of(k).stems <= said.words}
    kind = max(kinds, key=len, default=None)
    prices = [
        f
        for f in ledger.grounds
        if f.price is not None and f.about is not None and kind is not None and ledger.kinds.get(f.about) == kind
    ]
    if not prices:
        return Verdict(phrase, None, "it names no kind of product that the catalogue has a price for")
    low = min(prices, key=lambda f: (f.price.minor if f.price else 0, f.source))
    asked = next(t.quantity for t in said.own if t.quantity)
    if not _run_out(low, scene) and low.price is not None and float(low.price.major()) == asked.value:
        return Verdict(phrase, low)
    return Verdict(phrase, None, f"the lowest price of {kind} is {low.price}", low)


def _closure(meaning: Meaning) -> frozenset[str]:
    """The words of a ground with all that follows from them; nothing follows from what is denied."""
    affirmed = set(meaning.stems - meaning.negations)
    for needed, says in IMPLIED:
        if needed <= affirmed:
            affirmed |= says
    return frozenset(affirmed) | meaning.stems
