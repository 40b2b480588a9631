"""How people speak of us: the sentiment of short English texts.

in   texts of mentions, comments and reviews; the language, where the source names it
out  a Sentiment each: a score in [-1, 1] and its label; `unknown` for any text not told to be English

The score is VADER's compound valence: a lexicon rated by people, with rules for negation, emphasis and emoji
(Hutto and Gilbert 2014, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
ICWSM-14). The cuts at ±0.05 are the authors'. It knows English only: in another language its answers would be
chance.
"""

import re
from dataclasses import dataclass
from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

POSITIVE, NEUTRAL, NEGATIVE, UNKNOWN = "positive", "neutral", "negative", "unknown"
_CUT = 0.05
_LONGEST = 2_000  # characters that are scored: beyond that nobody reads either
_VEILED = re.compile(r"\((?:e-mail|handle|phone|link)\)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The most frequent function words: a text shows its language by them within a line or two. What English shares
# with another language ("an", "no", "me") tells nothing and counts for neither.
_ENGLISH_WORDS = _words("""
    the be to of and a in that have i it for not on with he as you do at this but his by from they we say her
    she or an will my one all would there their what so up out if about who get which go me when make can like
    no just him know take into your good some could them see than then now only its over also after how our work
    well way even new want because any these give us is was are were been has had did does am i'm it's don't
    can't didn't i've isn't won't you're that's very really too again never ever every more most much love bad
    great best worst
""")
_OTHER_WORDS = _words("""
    der die das und ist ich nicht sie es ein eine zu mit auf für von den dem sich wir ihr aber auch noch nur
    sehr bei wie nach kann gut danke schön leider wieder habe hat sind wird mein kein keine immer schlecht le la
    les un une et est je ne pas que qui pour dans ce il elle nous vous sur avec plus mais très merci tout bien
    cette mon ses des du aux ça trop jamais toujours suis sont ont être j'ai c'est el los las una y no de en por
    con para como su más pero muy gracias todo esta mi sus del al lo siempre nunca está soy son fue ser muchas
    mucho qué gli che non di e è per sono molto grazie tutto bene questo della nel più ma anche ho ha het een ik
    niet van dat is op te zijn met voor aan er maar ook goed heel dank wel deze mijn geen o os as um uma não em
    com mas muito obrigado obrigada tudo bem este meu é são foi i jest nie się na to w z do że jak ale bardzo
    dziękuję dobry och är inte det att jag ett på som för med har av men mycket tack bra me an in so on he was
    we at has had made over a or by be all not her bir ve bu çok için ama değil ben iyi teşekkürler
""")
_ENGLISH, _OTHERS = _ENGLISH_WORDS - _OTHER_WORDS, _OTHER_WORDS - _ENGLISH_WORDS


@dataclass(frozen=True, slots=True)
class Sentiment:
    """`score` in [-1, 1], None where the label is `unknown`."""

    score: float | None
    label: str


def sentiment(text: str, *, language: str | None = None) -> Sentiment:
    """The sentiment of one text. `language` is a BCP 47 tag or the word English, where told."""
    if not is_english(text, language=language):
        return Sentiment(None, UNKNOWN)
    score = float(_analyser().polarity_scores(_VEILED.sub(" ", text[:_LONGEST]))["compound"])
    return Sentiment(score, POSITIVE if score >= _CUT else NEGATIVE if score <= -_CUT else NEUTRAL)


def is_english(text: str, *, language: str | None = None) -> bool:
    """Whether a text is told, or can be seen, to be English. In doubt it is not: no guess beats a wrong one.

    Seen to be: written in Latin letters, with more of English's function words than of other languages'; a text
    without any of either has to be half made of words that VADER's lexicon knows.
    """
    if language:
        told = language.strip().lower().replace("_", "-")
        return told == "english" or told.split("-")[0] in ("en", "eng")
    words = [w.lower().replace("’", "'") for w in _WORD.findall(_VEILED.sub(" ", text[:_LONGEST]))]
    if not words or any(not _is_latin(w) for w in words):
        return False
    ours, theirs = (sum(w in known for w in words) for known in (_ENGLISH, _OTHERS))
    if ours or theirs:
        return ours > theirs
    lexicon = _analyser().lexicon
    return text.isascii() and 2 * sum(w in lexicon for w in words) >= len(words)


def _is_latin(word: str) -> bool:
    return all(letter < "ɐ" or letter in "'’" for letter in word)


@cache
def _analyser() -> SentimentIntensityAnalyzer:
    """The lexicon is read once for all texts of a process."""
    return SentimentIntensityAnalyzer()
