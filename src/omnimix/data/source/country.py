"""Countries: whatever a source calls them, as ISO 3166 alpha-2 codes.

in   a text column: codes of two or three letters, or names in some common languages
out  the codes; null where the text names no country (`European Community`, `Unspecified`)

Names come from the Unicode CLDR through Babel.
"""

from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from babel import Locale
from babel.core import get_global

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv")
# Names that shops use and CLDR does not list.
_ALIASES = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "eire": "IE",
    "republic of ireland": "IE",
    "usa": "US",
    "u.s.a.": "US",
    "united states of america": "US",
    "rsa": "ZA",
    "uae": "AE",
    "holland": "NL",
    "the netherlands": "NL",
    "czech republic": "CZ",
    "korea": "KR",
    "hong kong": "HK",
    "macau": "MO",
    "turkey": "TR",
    "ivory coast": "CI",
    "burma": "MM",
    "macedonia": "MK",
}


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    """Every known spelling, case-folded → alpha-2 code."""
    known: dict[str, str] = {}
    territories: set[str] = set()
    for language in _LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "ZZ", "XA", "XB", "QO"):
                known.setdefault(name.casefold(), code)
                territories.add(code)
    for code, current in get_global("territory_aliases").items():
        if len(code) == 3 and code.isalpha() and len(current) == 1 and current[0] in territories:
            known.setdefault(code.casefold(), current[0])
    return known | {code.casefold(): code for code in territories} | _ALIASES


def read_country(text: pa.Array) -> pa.Array:
    """Alpha-2 codes, one for each text; null for null and for what is no country."""
    distinct = pc.unique(text)
    codes = pa.array(
        [None if t is None else _codes().get(t.strip().casefold()) for t in distinct.to_pylist()], pa.string()
    )
    return codes.take(pc.index_in(text, value_set=distinct))
