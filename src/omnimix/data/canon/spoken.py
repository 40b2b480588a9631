"""What people say in public and how a deal moves: the parts of an event that mentions and CRM exports bring.

in   typed columns of events with `text`, or with `deal_id` and `deal_stage`
out  the columns with properties added: the text without identifiers, its sentiment, network, likes and replies;
     the deal and its stage

What is added here does not tell one row from another: likes grow, a scoring library changes, and it is still the
same comment; a deal that is exported every day is still in the same stage.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

from omnimix.data.canon.table import column
from omnimix.data.sentiment import sentiment
from omnimix.data.source.mapping import PROPERTY

_LONGEST = 500  # characters of a text that are kept
_VEILS = (
    (re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE), "(link)"),
    (re.compile(r"(?<!\w)@[\w.]{2,}"), "(handle)"),
    (re.compile(r"\bu/[\w-]{3,}"), "(handle)"),
    (re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}\s?[A-Z0-9]{0,4}\b"), "(account)"),
    (re.compile(r"(?<![\w.])(?:\+|00)?\d(?:[\s().-]{0,2}\d){7,14}(?!\w)"), "(phone)"),
)


def spoken(table: pa.Table) -> pa.Table:
    """The table with the properties of what was said, and of the deal that moved."""
    if "text" in table.column_names and table["text"].null_count < table.num_rows:
        table = _said(table)
    for name in ("deal_id", "deal_stage"):
        if name in table.column_names and table[name].null_count < table.num_rows:
            table = table.append_column(PROPERTY + name, column(table, name))
    return table


def _said(table: pa.Table) -> pa.Table:
    texts = column(table, "text").to_pylist()
    languages = column(table, "language").to_pylist()
    found = [sentiment(t, language=at) if t else None for t, at in zip(texts, languages, strict=True)]
    added = {
        "text": pa.array([veil(t)[:_LONGEST] if t else None for t in texts], pa.string()),
        "sentiment": pa.array([f.score if f else None for f in found], pa.float64()),
        "sentiment_label": pa.array([f.label if f else None for f in found], pa.string()),
        "platform": column(table, "platform"),
        "likes": column(table, "likes"),
        "replies": column(table, "replies"),
    }
    for name, values in added.items():
        table = table.append_column(PROPERTY + name, values)
    return table


def veil(text: str) -> str:
    """A text in which links, handles, telephone and account numbers are only named, not told.

    E-mail addresses are veiled before, in every text. A name in plain words cannot be told from other words.
    """
    for pattern, mark in _VEILS:
        text = pattern.sub(mark, text)
    return text


def same_content(table: pa.Table, properties: pa.Array) -> pa.Array:
    """What tells one event from another: of something said its words, of a deal its stage, else the properties."""
    if "text" not in table.column_names:
        return properties
    deal, since = column(table, "deal_id"), column(table, "stage_since").cast(pa.string())
    moved = pc.binary_join_element_wise(deal, column(table, "deal_stage"), pc.fill_null(since, ""), "\x1f")
    return pc.coalesce(column(table, "text"), moved, properties)


def same_time(table: pa.Table) -> pa.Array:
    """When an event happened, as far as it tells events apart: not of a deal, exported again and again."""
    at = column(table, "occurred_at")
    if "deal_id" not in table.column_names:
        return at
    return pc.if_else(pc.is_valid(column(table, "deal_id")), pa.scalar(None, at.type), at)
