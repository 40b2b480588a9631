"""Channel checks: does every text, picture, keyword and address fit the formats of the campaign's channels?

in   a variant and the facts
out  findings that name the format, the place, the limit
"""

import re
from collections.abc import Iterable, Iterator

from omnimix.core.finding import Finding, Severity
from omnimix.creative.copy.columns import columns
from omnimix.creative.policy.check import PolicyFacts
from omnimix.creative.policy.spec import (
    EMAIL_BYTES,
    EMAIL_SHELL_BYTES,
    KEYWORD_CHARACTERS,
    KEYWORD_WORDS,
    SPECS,
    ImageLimit,
    Spec,
    TextLimit,
)
from omnimix.creative.variant import Image, Variant


def specs(facts: PolicyFacts) -> Iterator[Spec]:
    """The formats of the campaign's channels; a channel without a specification has none."""
    for channel in facts.channels:
        yield from SPECS.get(channel, ())


def _parts(variant: Variant) -> dict[str, tuple[str, ...]]:
    return {
        "headline": variant.headlines,
        "description": variant.descriptions,
        "long_headline": (variant.long_headline,) if variant.long_headline else (),
        "primary": (variant.primary_text,) if variant.primary_text else (),
        "subject": (variant.email.subject,) if variant.email.subject else (),
        "preheader": (variant.email.preheader,) if variant.email.preheader else (),
    }


def check_texts(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """Counts and widths of texts, and that no two of a part are the same."""
    parts = _parts(variant)
    for spec in specs(facts):
        for limit in spec.texts:
            yield from _text(spec.format, limit, parts[limit.part])
    for part, texts in parts.items():
        seen: set[str] = set()
        for place, text in enumerate(texts, 1):
            key = " ".join(text.casefold().split())
            if key in seen:
                yield Finding(
                    "channel.distinct",
                    Severity.BLOCKING,
                    f"{part} {place}",
                    f"{text!r} is there already",
                    "remove it",
                )
            seen.add(key)


def _text(form: str, limit: TextLimit, texts: tuple[str, ...]) -> Iterator[Finding]:
    severity = Severity.BLOCKING if limit.hard else Severity.WARNING
    if len(texts) < limit.least:
        why = f"{form} needs {limit.least} or more, there are {len(texts)}"
        yield Finding("channel.text_count", severity, limit.part, why, "write more")
    for place, text in enumerate(texts, 1):
        if columns(text) > limit.columns:
            most = f"{'takes' if limit.hard else 'shows'} {limit.columns}"
            why = f"{text!r} takes {columns(text)} columns, {form} {most}"
            yield Finding("channel.text_width", severity, f"{limit.part} {place}", why, "shorten it")


def check_images(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """Sizes, ratios, weights and required pictures; nothing before there are pictures."""
    if not variant.images:
        return
    by_size: dict[str, list[Image]] = {}
    for image in variant.images:
        by_size.setdefault(image.size, []).append(image)
    for spec in specs(facts):
        for limit in spec.images:
            found = by_size.get(limit.size, [])
            if limit.required and not found:
                why = f"{spec.format} needs a {limit.size} picture"
                yield Finding("channel.image_missing", Severity.BLOCKING, "images", why, "render it")
            for image in found:
                yield from _image(spec.format, limit, image, facts)


def _image(form: str, limit: ImageLimit, image: Image, facts: PolicyFacts) -> Iterator[Finding]:
    shape = f"{image.width}×{image.height}"
    exact = limit.tolerance == 0.0
    wrong = (image.width, image.height) != (limit.width, limit.height)
    if (exact and wrong) or image.width < limit.width or image.height < limit.height:
        why = f"{shape} where {form} wants {'exactly' if exact else 'at least'} {limit.width}×{limit.height}"
        yield Finding("channel.image_size", Severity.BLOCKING, image.path, why, "render it again")
    elif abs(image.width / image.height / limit.ratio - 1) > limit.tolerance + 1e-9:
        why = f"{shape} is not the ratio {limit.ratio:g} that {form} wants"
        yield Finding("channel.image_ratio", Severity.BLOCKING, image.path, why, "render it again")
    weight = facts.image_bytes.get(image.path)
    if weight is not None and weight > limit.most_bytes:
        why = f"{weight / 1024:.0f} KB, {form} takes {limit.most_bytes / 1024:.0f} KB"
        yield Finding("channel.image_weight", Severity.BLOCKING, image.path, why, "render it with fewer colours")


def check_keywords(variant: Variant, _facts: PolicyFacts) -> Iterator[Finding]:
    """Keywords that search platforms accept: at most 80 characters and 10 words, plain signs, each once."""
    seen: set[str] = set()
    for place, keyword in enumerate(variant.keywords, 1):
        where, key = f"keyword {place}", keyword.casefold()
        if not keyword.strip() or len(keyword) > KEYWORD_CHARACTERS or len(keyword.split()) > KEYWORD_WORDS:
            why = f"{keyword!r} is empty, or over {KEYWORD_CHARACTERS} characters or {KEYWORD_WORDS} words"
            yield Finding("channel.keyword", Severity.BLOCKING, where, why, "shorten it")
        elif re.search(r"[!@%,*()={};~`<>?\\|^+]", keyword):
            why = f"{keyword!r} holds a sign that search platforms refuse"
            yield Finding("channel.keyword", Severity.BLOCKING, where, why, "take the sign out")
        elif key in seen:
            yield Finding("channel.keyword", Severity.WARNING, where, f"{keyword!r} is there already", "remove it")
        seen.add(key)


def check_address(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """The landing page is https, has a host, and is not too long."""
    url = variant.final_url
    if not re.fullmatch(r"https://[^\s/?#@]+\.[^\s/?#@]+(?:[/?#]\S*)?", url):
        why = f"{url!r} is no https address"
        yield Finding(
            "channel.landing_page", Severity.BLOCKING, "final url", why, "set landing_page to an https address"
        )
    most = min((s.url_characters for s in specs(facts)), default=2048)
    if len(url) > most:
        why = f"{len(url)} characters, platforms take {most}"
        yield Finding("channel.landing_page", Severity.BLOCKING, "final url", why, "use a shorter address")


def check_calls(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """The call to action is one that the formats know; the shop's name fits where it is shown."""
    for spec in specs(facts):
        if spec.calls and variant.call_to_action not in spec.calls:
            why = f"{spec.format} does not know {variant.call_to_action!r}"
            fix = f"use one of {', '.join(sorted(spec.calls))}"
            yield Finding("channel.call_to_action", Severity.BLOCKING, "call to action", why, fix)
        if spec.business_name is not None and columns(facts.brand.name) > spec.business_name:
            why = f"{facts.brand.name!r} is wider than the {spec.business_name} columns {spec.format} has for it"
            yield Finding("channel.business_name", Severity.WARNING, "brand.toml name", why, "give a short name")


def check_email(variant: Variant, facts: PolicyFacts) -> Iterator[Finding]:
    """An e-mail has words, stays below the size at which it is cut off, and says who sends it and how to leave."""
    if "email_files" not in facts.channels:
        return
    email, brand = variant.email, facts.brand
    if not email.subject.strip() or not any(p.strip() for p in email.body):
        yield Finding("channel.email", Severity.BLOCKING, "e-mail", "no subject or no body", "write them")
    weight = sum(len(t.encode()) for t in (email.subject, email.preheader, *email.body))
    if weight > EMAIL_BYTES - EMAIL_SHELL_BYTES:
        why = f"{weight / 1024:.0f} KB of words; with its frame the e-mail passes 102 KB and is cut off"
        yield Finding("channel.email_size", Severity.BLOCKING, "e-mail", why, "shorten the body")
    missing: Iterable[tuple[str, str]] = (
        ("postal_address", brand.postal_address),
        ("unsubscribe_url", brand.unsubscribe_url),
        ("sender", brand.sender),
    )
    for key, value in missing:
        if not value.strip():
            why = "commercial e-mail must name its sender, a postal address and a way to leave"
            yield Finding("channel.email_law", Severity.BLOCKING, f"brand.toml {key}", why, f"fill in {key}")
