"""Accessibility checks: pictures speak to those who cannot see them, and can be read by those who see little.

in   a variant and the facts
out  findings by WCAG 2.2 success criteria 1.1.1 (text alternatives) and 1.4.3 (contrast)
"""

import re
from collections.abc import Iterator

from omnimix.core.finding import Finding, Severity
from omnimix.creative.policy.check import PolicyFacts
from omnimix.creative.variant import Variant

CONTRAST = 4.5
_ALT_MOST = 250
_PARAGRAPH_MOST = 600


def check_alt_text(variant: Variant, _facts: PolicyFacts) -> Iterator[Finding]:
    """Every picture has an alternative text that says what it shows, in a sentence or less."""
    for image in variant.images:
        alt = image.alt_text.strip()
        if len(alt) < 5:
            why = "the picture has no alternative text"
            yield Finding("access.alt_text", Severity.BLOCKING, image.path, why, "describe what it shows")
        elif len(alt) > _ALT_MOST:
            why = f"{len(alt)} characters; screen readers read them all in one go"
            yield Finding("access.alt_text", Severity.WARNING, image.path, why, f"keep it under {_ALT_MOST}")
        elif re.match(r"(?:an? )?(?:image|picture|photo|graphic) of\b|.*\.(?:png|jpe?g)$", alt, re.IGNORECASE):
            why = f"{alt!r} says that it is a picture, or names a file"
            yield Finding("access.alt_text", Severity.WARNING, image.path, why, "say what it shows")


def check_contrast(variant: Variant, _facts: PolicyFacts) -> Iterator[Finding]:
    """Text in pictures stands out from its ground by 4.5 to 1 or more."""
    for image in variant.images:
        if not image.contrast >= CONTRAST:
            why = f"contrast {image.contrast:.2f}:1, WCAG AA asks for {CONTRAST}:1"
            yield Finding(
                "access.contrast", Severity.BLOCKING, image.path, why, "choose darker or lighter brand colours"
            )


def check_reading(variant: Variant, _facts: PolicyFacts) -> Iterator[Finding]:
    """Paragraphs short enough to read on a phone."""
    for place, paragraph in enumerate(variant.email.body, 1):
        if len(paragraph) > _PARAGRAPH_MOST:
            why = f"{len(paragraph)} characters in one paragraph"
            yield Finding("access.length", Severity.WARNING, f"e-mail paragraph {place}", why, "break it up")
