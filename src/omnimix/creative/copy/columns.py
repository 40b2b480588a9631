"""Columns: how wide a line is on a page that counts East Asian wide characters twice, as ad platforms do.

in   one text
out  its width in display columns
"""

from unicodedata import combining, east_asian_width


def columns(text: str) -> int:
    """Display columns of `text`: wide and full-width characters count 2, combining marks 0, all others 1."""
    if not text or max(text) < "\u0300":  # neither wide nor combining below this
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
