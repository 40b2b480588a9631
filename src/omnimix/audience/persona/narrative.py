"""The portrait in a paragraph: by template, or by a narrator whose every word is checked.

in   a Persona, a Narrator or none
out  a Narrative; a text that says more than the statements is not taken, and the reason is kept

A narrator's sentence has to name the statements it rests on. Checked are its numbers, which have to stand in
those statements and in their order, so that a figure and its comparison cannot change places; and its words, which
have to be words of those statements or plain words that claim nothing: "more", "never" and "because" do claim
something. What cannot be checked is not let through.
"""

import re
from collections.abc import Sequence

from omnimix.audience.persona.persona import Kind, Narrative, Persona, Statement
from omnimix.audience.persona.port import Fact, Narrator, Sentence
from omnimix.core.errors import OmnimixError

TEMPLATE = "template"
_ORDER = (
    Kind.MOTIVATION,
    Kind.GOAL,
    Kind.CATEGORY,
    Kind.PRICE,
    Kind.RANGE,
    Kind.VALUE,
    Kind.MOMENT,
    Kind.TIME,
    Kind.CHANNEL,
    Kind.CHALLENGE,
    Kind.OBJECTION,
    Kind.WORD,
)
_MOST = 5  # sentences of the template after the headline
_LONGEST = 1_200  # characters of a narrator's text
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_WORD = re.compile(r"[^\W\d_]+")
# Words that join and point, and claim nothing. Comparatives, negations, causes and frequencies are not among them.
_PLAIN = """
    a an the this that these those they them their theirs he she it its we who which what whose and or but also too
    while with of in on at to for from by as is are was were be been being has have had do does one people
    customers customer shoppers buyers group segment members persona here there each all both such same against
    compared comparison among across about around than whereas overall base average typical typically usually tend
    tends mean share percent per cent into out up so then when where how when
"""


def narrate(persona: Persona, narrator: Narrator | None = None) -> Narrative:
    """Tell the persona's statements. Without a narrator, or when its text fails a check, by the template."""
    plain = " ".join([persona.headline, *(s.text for s in _chosen(persona))])
    if narrator is None or not persona.statements:
        return Narrative(plain, TEMPLATE)
    facts = facts_of(persona)
    try:
        told = narrator.tell(persona.segment.name, facts)
    except OmnimixError as error:
        return Narrative(plain, TEMPLATE, f"{narrator.name}: {error.message}")
    reason = refused(told, facts, name=persona.segment.name)
    if reason:
        return Narrative(plain, TEMPLATE, f"{narrator.name}: {reason}")
    return Narrative(" ".join(s.text.strip() for s in told), narrator.name)


def facts_of(persona: Persona) -> tuple[Fact, ...]:
    """What a narrator is told: the headline as s0, then the statements. Nothing else of the workspace."""
    texts = [persona.headline, *(s.text for s in persona.statements)]
    return tuple(Fact(f"s{place}", text) for place, text in enumerate(texts))


def refused(told: Sequence[Sentence], facts: Sequence[Fact], *, name: str) -> str:
    """Why a narrator's sentences may not be shown; empty when they may."""
    if not told:
        return "it said nothing"
    if sum(len(s.text) for s in told) > _LONGEST:
        return f"it said more than {_LONGEST} characters"
    known = {f.key: f.text for f in facts}
    for sentence in told:
        cited = [known[key] for key in sentence.facts if key in known]
        if not cited or len(cited) < len(sentence.facts):
            return f"{_short(sentence)} rests on no statement that there is"
        number = _stray_number(sentence.text, cited)
        if number:
            return f"{_short(sentence)} says {number}, which its statements do not say there"
        word = _stray_word(sentence.text, [*cited, name])
        if word:
            return f"{_short(sentence)} says “{word}”, which its statements do not say"
    return ""


def _stray_number(text: str, cited: Sequence[str]) -> str:
    """The first number that is not next in the statements' own order."""
    for number in _numbers(text):
        if not any(number in _numbers(c) for c in cited):
            return number
    left = {place: _numbers(c) for place, c in enumerate(cited)}
    for number in _numbers(text):
        # Taken from the first statement that still has it; what stands before it there is used up.
        place = next((p for p, rest in left.items() if number in rest), None)
        if place is None:
            return number
        left[place] = left[place][left[place].index(number) + 1 :]
    return ""


def _numbers(text: str) -> list[str]:
    return [n.replace(",", "") for n in _NUMBER.findall(text)]


def _stray_word(text: str, cited: Sequence[str]) -> str:
    allowed = {_stem(w) for c in cited for w in _WORD.findall(c.lower())}
    plain = set(_PLAIN.split())
    said = (w for w in _WORD.findall(text.lower().replace("’s", "").replace("'s", "")))
    return next((w for w in said if w not in plain and _stem(w) not in allowed), "")


def _stem(word: str) -> str:
    """Without the endings of number and tense: enough to let "orders" stand for "ordered"."""
    for ending in ("ings", "ing", "ies", "ed", "es", "s", "y", "e"):
        if len(word) - len(ending) >= 3 and word.endswith(ending):
            return word.removesuffix(ending)
    return word


def _short(sentence: Sentence) -> str:
    words = sentence.text.split()
    return "“" + " ".join(words[:6]) + ("…”" if len(words) > 6 else "”")


def _chosen(persona: Persona) -> list[Statement]:
    """The strongest statement of each kind, in the order in which they are told."""
    first = [persona.of_kind(kind)[0] for kind in _ORDER if persona.of_kind(kind)]
    return first[:_MOST]
