"""Words of the shop: nouns a product name may end in, and how they behave in a sentence.

in   lexicon.toml beside this file
out  frozen word sets; all lower case, nouns in the singular unless said otherwise

The lists are closed on purpose. A product whose head noun is not here is named in full and never
inflected, so that an unknown name cannot make a wrong sentence.
"""

import tomllib
from importlib.resources import files

_LISTS = tomllib.loads(files(__package__).joinpath("lexicon.toml").read_text("utf-8"))


def _words(name: str) -> frozenset[str]:
    return frozenset(_LISTS[name].split())


NOUNS = _words("nouns")
WEAK = _words("weak")
MASS = _words("mass")
PLURAL_ONLY = _words("plural_only")
DESCRIBING = _words("describing")
ACRONYMS = _words("acronyms")
COMPOUNDS = frozenset(" ".join(c.split()) for c in _LISTS["compounds"].split("|"))
IRREGULAR: dict[str, str] = dict(_LISTS["irregular"])
PROPER = {word.lower(): word for word in _LISTS["proper"].split()}
