"""Personal and sensitive wording: what an ad must never say to or about the person who reads it.

in   one text
out  Phrase-like records: hints that the reader is tracked, assertions about protected traits, personal data

The traits follow Article 9 and recital 51 of the GDPR (Regulation (EU) 2016/679) and section 4 of the UK
Equality Act 2010; the rule on second-person assertions follows Meta's advertising standard on personal
attributes, Google's on personalised advertising.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Touch(StrEnum):
    """What makes a wording personal."""

    TRACKING = "tracking"
    TRAIT = "trait"
    DATA = "data"
    SLOT = "slot"


@dataclass(frozen=True, slots=True)
class Personal:
    """A wording found in a text, and which kind of personal it is."""

    touch: Touch
    text: str


_TRAITS = (
    r"divorc\w+|pregnan\w+|widow\w*|gay|lesbian|bisexual|trans(?:gender)?|queer|lgbt\w*|black|white|"
    r"asian|jewish|muslim|christian|hindu|sikh|"
    r"buddhist|catholic|atheist|disab\w+|autis\w+|depress\w+|anxi\w+|diabet\w+|overweight|obes\w+|fat|"
    r"ill|sick|unwell|"
    r"addict\w*|alcoholic|infertil\w+|menopaus\w+|cancer|hiv|bankrupt\w*|in debt|broke|poor|unemployed|"
    r"jobless|retired|"
    r"elderly|old|conservative|socialist|immigrant|refugee|criminal|convicted|single mum|single dad|"
    r"a single parent|"
    r"trade union member"
)
_PATTERNS: tuple[tuple[Touch, str], ...] = (
    (
        Touch.TRACKING,
        r"\bwe(?:['’]ve| have)? (?:noticed|saw|seen|see that|know|tracked|spotted|"
        r"remember)(?: that)? you\w*|"
        r"\byou(?:['’]ve)?(?: have)?(?: recently| just| already)? (?:bought|ordered|browsed|viewed|"
        r"looked at|visited|searched|left|abandoned|purchased)\b|"
        r"\byour (?:last|recent|previous|latest|usual|past) (?:order|visit|purchase|basket|search|"
        r"browsing|shop)\w*|"
        r"\bbased on your\b|\bbecause you\b|\bpeople like you\b|\bshoppers like you\b|\b(?:in|"
        r"left) your basket\b|\bmiss(?:ed)? you\b|"
        r"\bwelcome back\b|\bit['’]s been a while\b|\bsince you\b|\bcome back to us\b|\bin your (?:area|"
        r"town|street)\b|\bnear you\b|"
        r"\byour (?:age|birthday|income|profile|data)\b|\bpicked (?:just )?for you\b|\bas a (?:loyal|"
        r"valued|lapsed|regular) customer\b",
    ),
    (
        Touch.TRAIT,
        rf"\b(?:are|being|as|if) you(?:['’]re)? (?:an? )?(?:{_TRAITS})\b|\byou(?:['’]re|"
        rf" are) (?:an? )?(?:{_TRAITS})\b|"
        rf"\b(?:other|fellow) (?:{_TRAITS})\b|\byour (?:religion|faith|race|ethnicity|sexuality|"
        rf"sexual orientation|gender|"
        r"disability|diagnosis|illness|condition|health|pregnancy|debts?|criminal record|politics|"
        r"union membership|weight|medication|depression|anxiety)\b|"
        rf"\bfor (?:{_TRAITS}) (?:people|men|women|shoppers|folk|couples|parents)\b|"
        rf"\bmeet (?:{_TRAITS}) (?:singles|people|men|women)\b",
    ),
    (
        Touch.DATA,
        r"[\w.+-]+@[\w-]+\.[\w.-]+|(?<![\w£$€.,])(?:\+\d{1,3}[\s-]?)?(?:\(0\d+\)|"
        r"0\d{2,4})[\s-]?\d{3,4}[\s-]?\d{3,4}\b|\+\d{8,15}\b|"
        r"\b\d{3}[ -]\d{3}[ -]\d{4}\b|\b(?:\d[ -]?){13,16}\b",
    ),
    (
        Touch.SLOT,
        r"\{\{?[^{}]*\}?\}|\[\[?(?:first|last|your)?[ _-]?name\]?\]|\*\|[A-Z_]+\|\*|%[A-Z_]{3,}%|<%[^%]*%>|"
        r"\bdear (?:customer|sir|madam|friend)\b",
    ),
)
_COMPILED = tuple((touch, re.compile(pattern, re.IGNORECASE)) for touch, pattern in _PATTERNS)

# What every brief tells its writer to keep out; the patterns above hold it.
PERSONAL_HINTS = (
    "we noticed you",
    "your last order",
    "because you bought",
    "people like you",
    "welcome back",
    "we miss you",
)


def personal_wordings(text: str) -> tuple[Personal, ...]:
    """Every personal or sensitive wording of `text`, each once."""
    found = (Personal(touch, m.group()) for touch, pattern in _COMPILED for m in pattern.finditer(text))
    return tuple(dict.fromkeys(found))
