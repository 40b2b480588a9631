"""Sentiment: a score for English, none for anything else, and the shipped sentences keep to their figures."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnimix.data.sentiment import NEGATIVE, NEUTRAL, POSITIVE, UNKNOWN, is_english, sentiment

LABELLED = Path(__file__).parents[2] / "proofs" / "data" / "sentiment" / "labelled.csv"


@pytest.mark.parametrize(
    ("text", "language", "label"),
    [
        ("I love this mug, it is beautiful", None, POSITIVE),
        ("It is not good at all, what a disappointment", None, NEGATIVE),
        ("The parcel comes on Tuesday with the post", None, NEUTRAL),
        ("Ich liebe diese Tasse, super", None, UNKNOWN),
        ("Ich liebe diese Tasse, super", "de-DE", UNKNOWN),
        ("super", "en", POSITIVE),
        ("super", "English", POSITIVE),
        ("I love it", "fr", UNKNOWN),
        ("とても良い", None, UNKNOWN),
        ("", None, UNKNOWN),
        ("12345 !!!", None, UNKNOWN),
        ("(e-mail) (link)", None, UNKNOWN),
    ],
)
def test_labels(text: str, language: str | None, label: str) -> None:
    found = sentiment(text, language=language)
    assert found.label == label
    assert (found.score is None) == (label == UNKNOWN)


@given(st.text(max_size=200), st.sampled_from([None, "en", "de"]))
def test_a_score_lies_between_minus_one_and_one_and_fits_its_label(text: str, language: str | None) -> None:
    found = sentiment(text, language=language)
    if found.score is None:
        assert found.label == UNKNOWN
        return
    assert -1 <= found.score <= 1
    assert found.label == (POSITIVE if found.score >= 0.05 else NEGATIVE if found.score <= -0.05 else NEUTRAL)
    assert sentiment(text, language=language) == found


def test_labelled_tweets_are_mostly_told_right() -> None:
    with LABELLED.open(encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["kind"] == "tweet" and abs(float(r["rating"])) >= 0.5]
    told = [(sentiment(r["text"]).label, float(r["rating"]) > 0) for r in rows]
    known = [(label, good) for label, good in told if label in (POSITIVE, NEGATIVE)]
    right = sum((label == POSITIVE) == good for label, good in known)
    assert len(known) > 0.7 * len(rows)
    assert right / len(known) > 0.9, "where people and lexicon both take sides, they take the same"


def test_declared_language_comes_before_what_is_seen() -> None:
    assert is_english("Donaudampfschiff", language="en_US")
    assert not is_english("This is the best thing", language="nl")
