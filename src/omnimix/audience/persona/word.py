"""The words of what people buy and look for, and which of them are a segment's own.

in   order_lines, events  with profile_id
     members              profile_id, segment
     vocabulary           text_key, word: words of each product (`product:<id>`) and of each search
     (`search:<text>`)
out  speakers             segment, people: who bought or searched at all
     word_people          segment, word, people: whose things hold the word; each person counts once

A word is told when `group` people or more share it, so that nobody's own words are shown. Which words are a
segment's own: log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin'
Words", Political Analysis 16(4), §3.5.1), on people instead of tokens, since the words of one person's basket
hang together.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import ibis
import pyarrow as pa
from ibis import _
from ibis.expr.types import Table
from scipy.special import ndtr

from omnimix.audience.persona.candidate import Candidate, Measure
from omnimix.audience.persona.evidence import Evidence, Method, of_counts
from omnimix.audience.persona.figure import Side
from omnimix.audience.persona.persona import Kind
from omnimix.audience.segment.sensitive import is_sensitive

PRIOR = 500.0
"""Size of the prior in words: the weight of what everybody says, as against what the segment says."""

_SEARCHED = "Products Searched"
_TOKEN = re.compile(r"[^\W\d_]{3,}")
_EMPTY = """
    the and for with from off per all any are was our your you that this not into out its new set pack box mini
    small medium large extra assorted asstd design designs colour colours color colors size sizes piece pieces pcs
    each type product products item items online shop buy cheap best handle mail phone link
"""


def searches(events: Table) -> Table:
    """profile_id, text_key: what people typed into the shop's search, once each."""
    typed = events.filter((_.name == _SEARCHED) & _.profile_id.notnull() & _.properties.notnull())
    asked = typed.mutate(
        asked=_.properties.re_extract(r'"(?:query|search_term|event_params\.search_term)": ?"([^"]*)"', 1)
    )
    some = asked.filter(_.asked.fill_null("") != "")
    return some.select("profile_id", text_key=ibis.literal("search:") + some.asked.lower()).distinct()


def purchases(order_lines: Table) -> Table:
    """profile_id, text_key: which products people bought, once each."""
    bought = order_lines.filter((_.kind == "sale") & _.profile_id.notnull())
    return bought.select("profile_id", text_key=ibis.literal("product:") + bought.product_id).distinct()


def word_people(texts: Table, vocabulary: Table, members: Table) -> Table:
    """Count people by segment and word. `texts`: profile_id, text_key."""
    used = texts.join(vocabulary, "text_key").select("profile_id", "word").distinct()
    joined = used.join(members.select("profile_id", "segment"), "profile_id")
    return joined.group_by("segment", "word").aggregate(people=_.count())


def speakers(texts: Table, members: Table) -> Table:
    """Count the people of each segment who bought or searched anything."""
    known = texts.select("profile_id").distinct().join(members.select("profile_id", "segment"), "profile_id")
    return known.group_by("segment").aggregate(people=_.count())


def vocabulary(texts: Mapping[str, str]) -> pa.Table:
    """text_key, word: the distinct words of each text, a plural under its singular where both occur.

    Words of three letters or more that say something; nothing that names a sensitive attribute.
    """
    words = {key: {w.lower() for w in _TOKEN.findall(text)} for key, text in texts.items()}
    known = set().union(*words.values()) if words else set()
    empty = set(_EMPTY.split())
    same = {w: w[:-1] if w.endswith("s") and w[:-1] in known else w for w in known}
    told = {w for w in set(same.values()) if w not in empty and not is_sensitive(w)}
    rows = sorted({(key, same[w]) for key, found in words.items() for w in found if same[w] in told})
    return pa.table(
        {
            "text_key": pa.array([k for k, _w in rows], pa.string()),
            "word": pa.array([w for _k, w in rows], pa.string()),
        }
    )


def word_candidates(
    counted: pa.Table, spoke: pa.Table, segments: Iterable[str], *, least: int, group: int, confidence: float
) -> tuple[Candidate, ...]:
    """Words that more of a segment's people have in what they buy and search than of everybody."""
    people = dict(zip(spoke["segment"].to_pylist(), spoke["people"].to_pylist(), strict=True))
    by_word: dict[str, Counter[str]] = defaultdict(Counter)
    for row in counted.to_pylist():
        by_word[row["segment"]][row["word"]] += row["people"]
    every: Counter[str] = sum(by_word.values(), Counter())
    tried = []
    for segment in segments:
        n = people.get(segment, 0)
        if n < max(2, least):
            continue
        for word, z in log_odds(by_word[segment], every).items():
            hits = by_word[segment][word]
            if hits >= group and z > 0:
                found = of_counts(hits, n, every[word], sum(people.values()), confidence=confidence)
                if found.value > found.base:
                    tried.append(Candidate(segment, _measure(word), _with_p(found, z), _side(word)))
    return tuple(tried)


def log_odds(of: Mapping[str, int], every: Mapping[str, int]) -> dict[str, float]:
    """z of each word's log-odds in `of` against the rest of `every` (Monroe et al., eqs. 16, 20 and 22)."""
    total, ours = sum(every.values()), sum(of.values())
    scale = PRIOR / total if total else 0.0
    found = {}
    for word in sorted(every):
        alpha = every[word] * scale
        a, b = of.get(word, 0) + alpha, every[word] - of.get(word, 0) + alpha
        rest_a, rest_b = ours + PRIOR - a, total - ours + PRIOR - b
        if min(a, b, rest_a, rest_b) <= 0:
            continue
        delta = math.log(a / rest_a) - math.log(b / rest_b)
        found[word] = delta / math.sqrt(1 / a + 1 / b)
    return found


def _with_p(found: Evidence, z: float) -> Evidence:
    return Evidence(
        found.value, found.base, found.low, found.high, found.n, float(2 * ndtr(-abs(z))), found.effect
    )


def _measure(word: str) -> Measure:
    return Measure(Kind.WORD, f"share whose purchases or searches say “{word}”", "share", Method.WORD, word)


def _side(word: str) -> Side:
    # A word from outside may hold a brace, which would be read as a place for a figure.
    shown = word.replace("{", "").replace("}", "")
    return Side(
        f"“{shown}” is a word of theirs: it stands in what {{value}} of them bought or looked for, against "
        "{base} among all customers.",
        f"say “{shown}”",
    )
