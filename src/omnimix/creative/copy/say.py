"""Say: fill the frames with what the scene holds, and keep only what may be published.

in   a Scene, the words to avoid
out  Lines: clean by `lint`, every factual phrase carried by a claim, nothing personal, no word to avoid
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from omnimix.creative.brief.personal import personal_wordings
from omnimix.creative.brief.phrase import uncovered
from omnimix.creative.claim import Claim
from omnimix.creative.copy.columns import columns
from omnimix.creative.copy.frame import Frame, frames
from omnimix.creative.copy.lint import faults
from omnimix.creative.copy.scene import Item, Scene

LIMITS = {
    "headline": 30,
    "description": 90,
    "long_headline": 90,
    "primary": 125,
    "subject": 60,
    "preheader": 90,
    "opening": 400,
    "middle": 400,
    "proof": 300,
    "terms": 200,
    "closing": 200,
}
HEADLINES = frozenset(("headline", "long_headline", "subject"))
_PROOF = frozenset(("proof", "proof_in"))
_PAIRED = 3  # second products tried with each first one
_OPENING = re.compile(r"(?:^|(?<=[.?!] ))([“\"]?)([^\W\d_])")
_LIGHT = frozenset(
    "have look from that what your with this they them then when where more than come some here".split()  # noqa: SIM905
)
_SMALL = frozenset("a an the and or of our your my to for from in on at with at it is are you we".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Line:
    """One publishable text of a part, and what it rests on. `rank` is its first product's place in the brief."""

    text: str
    frame: Frame
    claims: tuple[Claim, ...]
    products: tuple[str, ...]
    rank: int

    def words(self) -> frozenset[str]:
        """The words that carry its meaning."""
        return frozenset(w for w in re.findall(r"[\w'’-]+", self.text.lower()) if w not in _SMALL)


def say(scene: Scene, parts: Iterable[str], families: frozenset[str]) -> dict[str, list[Line]]:
    """Every line of each part that fits its width, each text once, in the order of the frames; unchecked."""
    said: dict[str, list[Line]] = {}
    for part in parts:
        lines: dict[str, Line] = {}
        for frame in frames()[part]:
            if frame.family in families and not _half_told(frame, scene):
                for line in _fill(frame, scene):
                    if columns(line.text) <= LIMITS[part]:
                        lines.setdefault(line.text, line)
        said[part] = list(lines.values())
    return said


def _half_told(frame: Frame, scene: Scene) -> bool:
    """Whether the frame spells out an offer and leaves the code out that it takes."""
    spelt = frame.part in ("terms", "primary") and "offer" in frame.shop
    return spelt and "code" in scene.shop and "code" not in frame.shop


class Editor:
    """Says whether a line may be published; remembers what it has read."""

    def __init__(self, scene: Scene, avoid: Iterable[str]) -> None:
        self._scene, self._stop = scene, _avoiding(avoid)
        self._read: dict[tuple[str, str], bool] = {}

    def accepts(self, line: Line) -> bool:
        """Whether the line breaks no rule."""
        key = (line.frame.part, line.text)
        if key not in self._read:
            self._read[key] = _clean(line, self._scene, self._stop)
        return self._read[key]


def _avoiding(avoid: Iterable[str]) -> re.Pattern[str] | None:
    words = sorted({re.escape(w.strip()) for w in avoid if w.strip()})
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None


def _clean(line: Line, scene: Scene, stop: re.Pattern[str] | None) -> bool:
    part, text = line.frame.part, line.text
    sentence = part not in HEADLINES
    if faults(text, limit=LIMITS[part], sentence=sentence, house=scene.house):
        return False
    if LIMITS[part] <= 125 and _repeats(text):
        return False
    if uncovered(text, line.claims, exempt=scene.exempt) or personal_wordings(text):
        return False
    return stop is None or not stop.search(text)


def _repeats(text: str) -> bool:
    """Whether a word that carries meaning comes twice: "bags and lunch bags"."""
    words = [_stem(w) for w in re.findall(r"[^\W\d_]{4,}", text.lower())]
    return any(words.count(w) > 1 for w in words if w not in _LIGHT)


def _stem(word: str) -> str:
    return re.sub(r"(?:es|s|ing)$", "", word)


def _fill(frame: Frame, scene: Scene) -> Iterator[Line]:
    """The frame with every product (and pair of products) that has all its slots."""
    for shop, shop_claims in _shop_values(frame, scene):
        if not frame.first and not frame.second:
            yield _line(frame, shop, shop_claims, (), 0)
            continue
        for rank, item in enumerate(scene.items):
            for values, claims in _values(frame.first, item, ""):
                if not frame.second:
                    yield _line(frame, shop | values, shop_claims + claims, (item.product_id,), rank)
                    continue
                for other in _others(item, scene, rank):
                    for more, more_claims in _values(frame.second, other, "2"):
                        ids = (item.product_id, other.product_id)
                        yield _line(frame, shop | values | more, shop_claims + claims + more_claims, ids, rank)


def _shop_values(frame: Frame, scene: Scene) -> Iterator[tuple[dict[str, str], tuple[Claim, ...]]]:
    needed = frame.shop - _PROOF
    if not needed <= scene.shop.keys():
        return
    values = {slot: scene.shop[slot] for slot in needed}
    claims = tuple(scene.claims[slot] for slot in sorted(needed) if slot in scene.claims)
    if not frame.shop & _PROOF:
        yield values, claims
        return
    for proof in scene.proofs:
        said = proof.text.rstrip(".")
        yield values | {"proof": said, "proof_in": scene.inside(said)}, (*claims, proof)


def _values(slots: frozenset[str], item: Item, suffix: str) -> Iterator[tuple[dict[str, str], tuple[Claim, ...]]]:
    plain = slots - {"moment"}
    if not plain <= item.slots.keys():
        return
    values = {slot + suffix: item.slots[slot] for slot in plain}
    claims = tuple(dict.fromkeys(item.claims[slot] for slot in sorted(plain) if slot in item.claims))
    if "moment" not in slots:
        yield values, claims
        return
    for moment in item.moments:
        yield values | {"moment" + suffix: moment}, claims


def _others(item: Item, scene: Scene, rank: int) -> Iterator[Item]:
    """Second products after the first in the brief's order, of another kind, from other categories first."""
    ring = scene.items[rank + 1 :] + scene.items[:rank]
    kind = item.slots.get("heads", item.slots.get("name"))
    different = [i for i in ring if i.slots.get("heads", i.slots.get("name")) != kind]
    different.sort(key=lambda i: i.slots["things"] == item.slots["things"])
    yield from different[:_PAIRED]


def _line(
    frame: Frame, values: dict[str, str], claims: tuple[Claim, ...], products: tuple[str, ...], rank: int
) -> Line:
    text = _sentences(frame.text.format_map(values))
    return Line(text, frame, tuple(dict.fromkeys(claims)), products, rank)


def _sentences(text: str) -> str:
    """`text` with a capital at the start of every sentence, except for spellings such as "iPhone"."""
    return _OPENING.sub(
        lambda m: m.group(1) + (m.group(2) if _own_case(text, m.start(2)) else m.group(2).upper()), text
    )


def _own_case(text: str, at: int) -> bool:
    word = re.match(r"[\w'’-]+", text[at:])
    return word is not None and bool(re.match(r"[a-z][A-Z]", word.group()))


def width(line: Line) -> int:
    """Display columns of a line."""
    return columns(line.text)
