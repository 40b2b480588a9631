"""Nouns: from a product's name to the phrases that can stand for it in a sentence.

in   a name such as "Regency three-tier cake stand", the spellings a brand keeps
out  Noun records: the name as it stands mid-sentence, the head noun with its number, article and plural

A noun phrase is read from its end, where English keeps the head (Huddleston & Pullum 2002, The Cambridge
Grammar of the English Language, ch. 5): what follows a preposition is cut, then the last word, if the lexicon
knows it, is the head, with the words before it as far as they form a known compound.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from omnimix.creative.brief.lexicon import (
    ACRONYMS,
    COMPOUNDS,
    DESCRIBING,
    IRREGULAR,
    MASS,
    NOUNS,
    PLURAL_ONLY,
    PROPER,
    WEAK,
)

_CUT = re.compile(r"\s(?:with|in|for|from|by|on|at|to|and saucers?)\s.*$|\sand saucers?$", re.IGNORECASE)
_PACKING = re.compile(
    r"^(?:\w+ )?(?:set|pack|box|bag|pair|bundle|case|tin|packet|roll|jar) of (?:[\w-]+ )?", re.IGNORECASE
)
_WORD = re.compile(r"(?<![0-9])[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zÀ-ÖØ-öø-ÿ'’-]*")
_STOCK_CODE = re.compile(r"^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9/-]{5,}$|^\d{5,}[A-Za-z]*$")
_SIZE = re.compile(r"^\d+(?:\.\d+)?(?:cm|mm|m|ml|l|g|kg|oz|in|ft|w|v|pc|pcs)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Noun:
    """How one product is spoken of, each phrase as it stands inside a sentence; `head` None: unknown."""

    name: str  # "Regency three-tier cake stand", "party bunting"
    name_plural: bool  # whether a verb after `name` is plural
    packed: bool  # whether several are sold as one: "set of three cake tins"
    head: str | None  # singular or mass: "cake stand", "bunting"
    heads: str | None  # many: "cake stands", "bunting"
    mass: bool

    @property
    def single(self) -> str | None:
        """The head with its article, "a cake stand"; None when the product is no single thing."""
        if self.head is None or self.mass or self.packed or self.name_plural:
            return None
        return f"{article(self.head)} {self.head}"

    @property
    def heads_plural(self) -> bool:
        """Whether a verb after `heads` is plural."""
        return not self.mass


def is_plural(word: str) -> bool:
    """Whether one word is a plural as far as the lexicon tells ("tins" yes, "glass" no, "Christmas" no)."""
    low = word.lower()
    if low in PLURAL_ONLY or low in IRREGULAR.values():
        return low not in ("reindeer", "sheep", "fish")
    one = singular(low)
    return one != low and (one in NOUNS or one in WEAK)


def singular(word: str) -> str:
    """The singular of a word, or the word itself when it is none the lexicon knows."""
    low = word.lower()
    if low in PLURAL_ONLY or low in NOUNS or low in MASS or low in WEAK:
        return word
    for one, many in IRREGULAR.items():
        if low == many:
            return one
    for ending, back in (("ies", "y"), ("es", ""), ("s", "")):
        one = low.removesuffix(ending) + back
        if low.endswith(ending) and (one in NOUNS or one in WEAK):
            return word[: len(word) - len(ending)] + back
    return word


def plural(word: str) -> str:
    """The plural of a singular phrase, formed on its last word."""
    before, _, last = word.rpartition(" ")
    low = last.lower()
    if low in MASS or low in PLURAL_ONLY:
        return word
    if low in IRREGULAR:
        many = IRREGULAR[low]
    elif re.search(r"(?:s|x|z|ch|sh)$", low):
        many = last + "es"
    elif re.search(r"[^aeiou]y$", low):
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return f"{before} {many}".strip()


_VOWEL_SOUND = re.compile(
    r"^(?:[aeio]|u(?!ni|s[aeiu]|k|tili|topi|rol|ro)|hono|hour|heir|honest|8|11\b|18\b)", re.IGNORECASE
)
_LETTER_VOWEL = frozenset("AEFHILMNORSX")


def article(phrase: str) -> str:
    """`a` or `an`, by the sound the phrase begins with ("an LED lamp", "a union flag", "an hour")."""
    first = phrase.split(maxsplit=1)[0] if phrase.strip() else ""
    if re.fullmatch(r"[A-Z]{2,}s?", first) or re.match(r"[A-Z]-", first):
        return "an" if first[0] in _LETTER_VOWEL else "a"
    if re.match(r"(?:one|once|ewe|eu)", first, re.IGNORECASE):
        return "a"
    return "an" if _VOWEL_SOUND.match(first) else "a"


def cased(text: str, keep: Iterable[str] = ()) -> str:
    """`text` as it stands inside a sentence: lower case but for proper nouns, acronyms and `keep`.

    Text that is already in sentence case keeps its capitals after the first word: they were chosen.
    """
    words = _WORD.findall(text)
    rest = [w for w in words[1:] if len(w) > 3]
    chosen = bool(rest) and sum(w[0].islower() for w in rest) * 2 >= len(rest)
    lowered: str = _WORD.sub(lambda m: _cased_word(m.group(), chosen and m.start() > 0), text)
    for phrase in sorted(keep, key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(phrase)}(?![\w-])"
        lowered = re.sub(pattern, phrase.replace("\\", r"\\"), lowered, flags=re.IGNORECASE)
    return lowered


@lru_cache(maxsize=65_536)  # a catalogue says the same few words again and again
def _cased_word(word: str, chosen: bool) -> str:
    low = word.lower()
    bare = re.sub(r"['’]s$", "", low)
    if bare in PROPER:
        return str(PROPER[bare]) + low[len(bare) :]
    if (
        word in ACRONYMS
        or word.partition("-")[0] in ACRONYMS
        or (chosen and re.fullmatch(r"[A-Z][a-zà-ÿ'’-]*", word))
    ):
        return word
    return low


def tidy(name: str, keep: Iterable[str] = ()) -> str:
    """A product's name as it stands inside a sentence: no stock code, no stray signs, no shouting."""
    keep = tuple(keep)
    text = re.sub(r"[\s_]+", " ", name).strip(" .,;:!-–—*/\\|")
    words = [w for w in text.split(" ") if not _STOCK_CODE.match(w) or _SIZE.match(w) or w in keep]
    words = [w.lower() if _SIZE.match(w) and re.search(r"[A-Za-z]{2}$", w) else w for w in words]
    tidied = cased(" ".join(words), keep)
    return re.sub(r"\s+([,.;:])", r"\1", tidied).strip()


@lru_cache(maxsize=65536)
def noun_of(name: str, keep: tuple[str, ...] = ()) -> Noun:
    """Read a product's name. The head is None when the lexicon does not know it."""
    said = tidy(name, keep)
    packed = bool(_PACKING.match(said))
    whole = re.sub(r"\([^)]*\)", " ", _PACKING.sub("", said))
    core = _CUT.sub("", whole)
    phrase = _head(_words(core)) or _head(_words(whole))
    if phrase is None:
        words = _words(core)
        return Noun(said, bool(words) and is_plural(words[-1]) and not packed, packed, None, None, False)
    last = phrase.rsplit(" ", 1)[-1]
    mass = last.lower() in MASS
    many = phrase if mass or is_plural(last) else plural(phrase)
    one = phrase if mass or last.lower() in PLURAL_ONLY else _singular_phrase(phrase)
    return Noun(said, is_plural(last) and not packed, packed, cased(one, keep), cased(many, keep), mass)


def _words(text: str) -> list[str]:
    """The words of a phrase without what only describes at its end."""
    words = [w.strip(',.;:"“”') for w in text.split()]
    while words and (_describes(words[-1]) or not re.search(r"[A-Za-z]{2}", words[-1])):
        words.pop()
    if len(words) > 2 and words[-1][0].isupper() and not is_plural(words[-1]) and _head(words[-1:]) is None:
        words.pop()  # a name at the end: "felt doll Molly"
    return words


def _describes(word: str) -> bool:
    low = word.lower()
    return low in DESCRIBING and low not in NOUNS


def _singular_phrase(phrase: str) -> str:
    before, _, last = phrase.rpartition(" ")
    return f"{before} {singular(last)}".strip()


def _head(words: list[str]) -> str | None:
    """The longest known compound at the end of `words`, else the last word if it can stand alone."""
    if not words:
        return None
    for size in (4, 3, 2):
        if len(words) >= size and _singular_phrase(" ".join(words[-size:])).lower() in COMPOUNDS:
            return " ".join(words[-size:])
    last = words[-1].lower()
    one = singular(last)
    if one in WEAK:
        return None
    if one in NOUNS or last in MASS or last in PLURAL_ONLY:
        return words[-1]
    return None
