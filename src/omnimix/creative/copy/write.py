"""The built-in writer: variants for a brief from frames and facts, with no key and no network.

in   Brief, Campaign, Brand, seed
out  Variant records without pictures

A variant takes one angle of the brief and one place in the story: the first introduces, those between
prove, the last makes the offer where there is one.
"""

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Brand
from omnimix.creative.brief.brief import Brief
from omnimix.creative.campaign import Campaign, Goal
from omnimix.creative.claim import Claim
from omnimix.creative.copy.pick import Taste, pick
from omnimix.creative.copy.say import LIMITS, Editor, Line, say
from omnimix.creative.copy.scene import Scene, make_scene
from omnimix.creative.variant import EmailCopy, Variant

HEADLINES, DESCRIPTIONS = 15, 4
_TONES = ("playful", "elegant")


@dataclass(frozen=True, slots=True)
class BuiltInWriter:
    """The writer that ships: see `write_variants`."""

    def write(self, brief: Brief, campaign: Campaign, brand: Brand, *, seed: int) -> tuple[Variant, ...]:
        """Return `campaign.variants_per_brief` variants in story order."""
        return write_variants(brief, campaign, brand, seed=seed)


def write_variants(brief: Brief, campaign: Campaign, brand: Brand, *, seed: int) -> tuple[Variant, ...]:
    """Variants of one brief, one angle each, `step` counting from 0; the same arguments give the same variants.

    Raises InvalidInput when the language is not English, or when fewer than 15 headlines or 4 descriptions
    can be made without breaking a rule.
    """
    count = campaign.variants_per_brief
    _check(brief, campaign, brand)
    scene = make_scene(brief, campaign, brand)
    angles = brief.angles[:count]
    shared = {"safe", "shared", "introduce", "prove", "offer"} | set(_extras(campaign, brand))
    said = say(scene, LIMITS, frozenset(shared | {a.key for a in angles}))
    editor = Editor(scene, brief.avoid)
    variants: list[Variant] = []
    used: set[str] = set()
    for step, angle in enumerate(angles):
        role = _role(step, count, scene)
        key = f"{seed}\x1f{campaign.key}\x1f{brief.key}\x1f{angle.key}\x1f{step}"
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
        taste = _taste(campaign, brand, angle.key, role, step, len(scene.items), frozenset(used))
        variant = _variant(brief, campaign, angle.key, step, _choose(said, taste, role, editor, rng))
        variants.append(variant)
        used |= {*variant.headlines, *variant.descriptions, variant.long_headline, variant.primary_text}
        used |= {variant.email.subject, variant.email.preheader, *variant.email.body}
    return tuple(variants)


def _check(brief: Brief, campaign: Campaign, brand: Brand) -> None:
    if not brand.language.lower().startswith("en") or not any(
        c.lower().startswith("en") for c in campaign.languages
    ):
        raise InvalidInput(
            f"the built-in writer writes English, not {brand.language!r} for {', '.join(campaign.languages)!r}",
            where="brand.toml language",
            fix="set an English language, or use another writer",
        )
    if len(brief.angles) < campaign.variants_per_brief:
        raise InvalidInput(
            f"{campaign.variants_per_brief} variants were asked for, {len(brief.angles)} angles can be argued for",
            where=f"campaigns/{campaign.key}.toml [campaign] variants_per_brief",
            fix=f"set it to {len(brief.angles)} or less",
        )


def _role(step: int, count: int, scene: Scene) -> str:
    if step > 0 and step == count - 1 and "offer" in scene.shop:
        return "offer"
    return "introduce" if step == 0 else "prove"


def _extras(campaign: Campaign, brand: Brand) -> list[str]:
    tone = " ".join(brand.tone).lower()
    extras = [t for t in _TONES if t in tone]
    if re.search(r"\b(?:gift|present)s?\b", f"{brand.sells} {campaign.name}", re.IGNORECASE):
        extras.append("gift")
    if campaign.goal is Goal.LEADS:
        extras.append("leads")
    return extras


def _taste(
    campaign: Campaign, brand: Brand, angle: str, role: str, step: int, ranks: int, used: frozenset[str]
) -> Taste:
    weights = {"safe": 0.3, "shared": 0.6, "prove": 0.55, angle: 1.0}
    weights |= dict.fromkeys(_extras(campaign, brand), 0.65)
    weights[role] = {"introduce": 0.8, "prove": 0.9, "offer": 0.95}[role]
    lead = role if role == "offer" else angle
    return Taste(weights, (2 * step) % max(1, ranks), ranks, frozenset((lead,)), used)


@dataclass(frozen=True, slots=True)
class _Choice:
    headlines: list[Line]
    descriptions: list[Line]
    long_headline: list[Line]
    primary: list[Line]
    subject: list[Line]
    preheader: list[Line]
    body: list[Line]

    def lines(self) -> list[Line]:
        """Every line, in reading order."""
        parts = (self.headlines, self.descriptions, self.long_headline, self.primary)
        return [line for part in (*parts, self.subject, self.preheader, self.body) for line in part]


def _choose(
    said: dict[str, list[Line]], taste: Taste, role: str, editor: Editor, rng: np.random.Generator
) -> _Choice:
    def one(part: str) -> list[Line]:
        return pick(said[part], 1, taste, editor.accepts, rng)

    subject = one("subject")
    return _Choice(
        pick(said["headline"], HEADLINES, taste, editor.accepts, rng),
        pick(said["description"], DESCRIPTIONS, taste, editor.accepts, rng),
        one("long_headline"),
        one("primary"),
        subject,
        _preheader(said["preheader"], subject, taste, editor, rng),
        _body(said, taste, role, editor, rng),
    )


def _preheader(
    lines: list[Line], subject: list[Line], taste: Taste, editor: Editor, rng: np.random.Generator
) -> list[Line]:
    """One that adds to the subject instead of saying it again, where there is one."""
    said = frozenset().union(*(line.words() for line in subject))
    told = {c.source for line in subject for c in line.claims}

    def adds(line: Line) -> bool:
        again = len(line.words() & said) > 1 or told.intersection(c.source for c in line.claims)
        return not again and editor.accepts(line)

    return pick(lines, 1, taste, adds, rng) or pick(lines, 1, taste, editor.accepts, rng)


def _body(
    said: dict[str, list[Line]], taste: Taste, role: str, editor: Editor, rng: np.random.Generator
) -> list[Line]:
    """Three to five paragraphs; no fact is told twice."""
    told: set[str] = set()
    body: list[Line] = []
    parts = ("opening", "middle", *(("proof",) if role != "introduce" else ()), "terms", "closing")
    for part in parts:
        if part == "terms" and role != "offer":
            continue

        def fresh(line: Line) -> bool:
            return editor.accepts(line) and not told.intersection(c.source for c in line.claims)  # noqa: B023 (used at once)

        for line in pick(said[part], 1, taste, fresh, rng):
            body.append(line)
            told |= {c.source for c in line.claims}
    return body


def _variant(brief: Brief, campaign: Campaign, angle: str, step: int, choice: _Choice) -> Variant:
    _enough(brief, choice)
    lines = choice.lines()
    claims: dict[Claim, None] = {claim: None for line in lines for claim in line.claims}
    shown = {product for line in lines for product in line.products}
    lead = next((line.products[0] for line in lines if line.products), brief.products[0].product_id)
    ordered = [lead, *(p.product_id for p in brief.products if p.product_id in shown and p.product_id != lead)]
    return Variant(
        campaign=campaign.key,
        brief=brief.key,
        angle=angle,
        step=step,
        headlines=tuple(line.text for line in choice.headlines),
        descriptions=tuple(line.text for line in choice.descriptions),
        long_headline=choice.long_headline[0].text,
        primary_text=choice.primary[0].text,
        call_to_action=_call(campaign, any(line.frame.family == "offer" for line in choice.headlines[:1])),
        email=EmailCopy(
            choice.subject[0].text, choice.preheader[0].text, tuple(line.text for line in choice.body)
        ),
        keywords=brief.keywords,
        product_ids=tuple(ordered),
        final_url=campaign.landing_page,
        claims=tuple(claims),
    )


def _call(campaign: Campaign, offering: bool) -> str:
    if campaign.goal is Goal.LEADS:
        return "SIGN_UP"
    if campaign.goal is Goal.TRAFFIC:
        return "LEARN_MORE"
    return "GET_OFFER" if offering else "SHOP_NOW"


def _enough(brief: Brief, choice: _Choice) -> None:
    have = {
        f"{HEADLINES} headlines": len(choice.headlines) >= HEADLINES,
        f"{DESCRIPTIONS} descriptions": len(choice.descriptions) >= DESCRIPTIONS,
        "a long headline": bool(choice.long_headline),
        "a primary text": bool(choice.primary),
        "an e-mail subject and preheader": bool(choice.subject and choice.preheader),
        "an e-mail of three paragraphs": len(choice.body) >= 3,
    }
    short = [what for what, enough in have.items() if not enough]
    if short:
        raise InvalidInput(
            f"cannot write {short[0]} without breaking a rule ({len(choice.headlines)} headlines,"
            f" {len(choice.descriptions)} descriptions are clean)",
            where=f"creative: copy for brief {brief.key!r}",
            fix="shorten brand.toml name and sells, take words out of words.avoid, or give products plainer names",
        )
