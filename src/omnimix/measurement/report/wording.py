"""Numbers in words: money, shares, waits and intervals as a reader wants them.

in   minor units, shares, seconds
out  short texts
"""

import math
import re
from datetime import date

from markupsafe import Markup, escape

from omnimix.core.money import Money, exponent

DAY = 86_400.0
UNKNOWN = "not known yet"


def _minus(text: str) -> str:
    """A real minus sign: lines do not break after it as they do after a hyphen."""
    return text.replace("-", "−")


def money(minor: float, currency: str) -> str:
    """`£1,234.50`; an infinite amount is not known."""
    return _minus(str(Money(round(minor), currency))) if math.isfinite(minor) else UNKNOWN


def whole(minor: float, currency: str) -> str:
    """Money without its minor part where the amount is large: `£12,346`."""
    text = money(minor, currency)
    places = exponent(currency)
    if not math.isfinite(minor) or not places or abs(minor) < 1000 * 10**places:
        return text
    rounded = money(round(minor / 10**places) * 10**places, currency)
    return rounded.replace("." + "0" * places, "")


def thousand(minor: float, currency: str) -> str:
    """An amount per person as money per thousand people: `£12.30`."""
    return money(minor * 1000, currency)


def share(value: float, places: int = 0) -> str:
    """`12%`; a share below one per cent keeps a decimal."""
    if not math.isfinite(value):
        return UNKNOWN
    if places == 0 and 0 < abs(value) < 0.095:
        places = 1
    return _minus(f"{value:.{places}%}")


def count(value: float) -> str:
    """`1,234`."""
    return f"{value:,.0f}"


def ratio(value: float, places: int = 2) -> str:
    """`1.25`, signed when below zero."""
    return _minus(f"{value:,.{places}f}") if math.isfinite(value) else UNKNOWN


def wait(seconds: float | None) -> str:
    """`3 days`, `2 hours`, or nothing."""
    if seconds is None:
        return ""
    for unit, length in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length:
            number = round(seconds / length)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "under a minute"


def between(low: str, high: str) -> str:
    """`£1 to £3`; one word where a bound is not known."""
    return UNKNOWN if UNKNOWN in (low, high) else f"{low} to {high}"


def measured(value: float, unit: str, currency: str) -> str:
    """A persona's metric in its unit: share, days, minor or count."""
    if unit == "share":
        return share(value)
    if unit == "minor":
        return money(value, currency)
    if unit == "days":
        return f"{value:,.0f} days" if value >= 10 else f"{value:,.1f} days"
    return f"{value:,.1f}" if abs(value) < 100 else count(value)


def plain(name: str) -> str:
    """`google_ads_editor` → `Google Ads Editor`-like words without underscores."""
    return name.replace("_", " ").strip().capitalize()


def day(when: date) -> str:
    """`3 March 2026`."""
    return f"{when.day} {when:%B %Y}"


def short_day(when: date) -> str:
    """`3 Mar 26`."""
    return f"{when.day} {when:%b %y}"


def marked(text: str) -> Markup:
    """Escaped text with `words in backticks` set as code."""
    parts = re.split(r"`([^`]+)`", text)
    set_as_code = (Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))
    return Markup("").join(set_as_code)
