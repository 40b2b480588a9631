"""The browser snippet: what a visitor does on the site, as far as the visitor permits.

in   nothing
out  `snippet()`: the script that a page loads as /omnimix.js
"""

from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=1)
def snippet() -> bytes:
    """The script as it is served: UTF-8 JavaScript without dependencies."""
    return resources.files("omnimix.web.snippet").joinpath("omnimix.js").read_bytes()
