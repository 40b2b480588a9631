"""A variant as a document: JSON that reads back exactly, and pictures whose bytes are what was approved.

in   a Variant; or its JSON; the folder its pictures are in
out  JSON; or the Variant; the pictures that are not as they were
"""

import hashlib
from pathlib import Path

import msgspec

from omnimix.core.errors import InvalidInput
from omnimix.core.finding import Finding, Severity
from omnimix.creative.variant import Image, Variant


def variant_json(variant: Variant) -> str:
    """The variant as JSON; `variant_from` reads it back exactly."""
    return msgspec.json.encode(variant).decode()


def variant_from(text: str) -> Variant:
    """Read what `variant_json` wrote. Raises InvalidInput when it is not that."""
    try:
        return msgspec.json.decode(text, type=Variant)
    except msgspec.DecodeError as error:
        raise InvalidInput(
            f"a stored variant cannot be read: {error}", where="review", fix="submit the variant again"
        ) from None


def findings_json(findings: tuple[Finding, ...]) -> str:
    """Findings as JSON; `findings_from` reads them back exactly."""
    return msgspec.json.encode(findings).decode()


def findings_from(text: str) -> tuple[Finding, ...]:
    """Read what `findings_json` wrote."""
    return msgspec.json.decode(text, type=tuple[Finding, ...])


def picture_findings(variant: Variant, *, pictures: Path) -> tuple[Finding, ...]:
    """A blocking finding for each picture whose file under `pictures` is gone or holds other bytes."""
    return tuple(
        Finding(
            "review.picture", Severity.BLOCKING, image.path, why, "omnimix run CAMPAIGN --fresh draws it again"
        )
        for image in variant.images
        if (why := _fault(image, pictures / image.path))
    )


def _fault(image: Image, file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError:
        return "the picture file is missing"
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return "the picture file was changed after it was submitted"
    return ""
