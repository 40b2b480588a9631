"""The browser snippet: what a visitor does on the site, as far as the visitor permits.

in   nothing
out  `snippet()`: the script that a page loads as /omnimix.js
"""

import re
from functools import lru_cache
from importlib import resources

_NEEDLESS = re.compile(r" *([{}(),;:=<>?&|+*]) *")  # no literal of the script has such a space


@lru_cache(maxsize=1)
def snippet() -> bytes:
    """The script as it is served: UTF-8 JavaScript without dependencies, comments and needless spaces."""
    text = resources.files("omnimix.web.snippet").joinpath("omnimix.js").read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(_NEEDLESS.sub(r"\1", line) for line in lines if line and line[:2] != "//").encode()
