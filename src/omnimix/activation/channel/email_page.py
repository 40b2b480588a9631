"""An e-mail's two bodies: responsive HTML and plain text.

in   an e-mail's content, the brand, where its picture lies
out  HTML under 102 KB (Gmail cuts off what is longer) and text wrapped at 72 columns

The HTML comes from one MJML template (mrml), with the brand's colours moved until they can be read. Address and
unsubscribe link are in both bodies (CAN-SPAM, 15 USC 7704(a)(5)); the one-click header is RFC 8058's.
"""

import textwrap
import unicodedata
from collections.abc import Iterator
from typing import Any

import mrml
from jinja2 import Environment, PackageLoader, StrictUndefined

from omnimix.activation.channel.resource import EmailContent
from omnimix.core.errors import InvalidInput
from omnimix.core.finding import Finding, Severity
from omnimix.creative.brand import Brand, Colours
from omnimix.creative.image.palette import legible, mix

MOST_BYTES = 102_000
_TEMPLATES = Environment(
    loader=PackageLoader("omnimix.activation.channel"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_WHITE = "#ffffff"


def brand_findings(brand: Brand) -> tuple[Finding, ...]:
    """What the brand lacks so that its e-mails may be sent."""
    return tuple(_missing(brand))


def _missing(brand: Brand) -> Iterator[Finding]:
    if not brand.postal_address.strip():
        yield _lacks(
            "postal_address", "every marketing e-mail must carry a postal address", '"1 High Street, York"'
        )
    if not brand.unsubscribe_url.startswith("https://"):
        yield _lacks(
            "unsubscribe_url",
            "one-click unsubscribe needs an https address",
            '"https://shop.example/unsubscribe"',
        )
    if "@" not in brand.sender:
        yield _lacks("sender", "an e-mail needs a From address", '"Shop <hello@shop.example>"')


def _lacks(field: str, why: str, example: str) -> Finding:
    return Finding(
        f"email.{field}", Severity.BLOCKING, f"brand.toml: {field}", why, f"set {field} = {example} in brand.toml"
    )


def headers(content: EmailContent, brand: Brand) -> dict[str, str]:
    """The headers a sender must set; sign List-Unsubscribe and List-Unsubscribe-Post with DKIM (RFC 8058)."""
    return {
        "From": brand.sender,
        "Subject": content.subject,
        "List-Unsubscribe": f"<{brand.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def call_words(call_to_action: str) -> str:
    """`SHOP_NOW` as a button says it: `Shop now`."""
    return call_to_action.replace("_", " ").capitalize()


def html_body(content: EmailContent, brand: Brand, *, hero: str) -> str:
    """The HTML body; `hero` is the picture's address relative to the file, or empty. Raises InvalidInput."""
    values: dict[str, Any] = {
        "language": brand.language,
        "subject": content.subject,
        "preheader": content.preheader,
        "heading": content.heading,
        "body": content.body,
        "call_to_action": call_words(content.call_to_action),
        "final_url": content.final_url,
        "hero": hero,
        "hero_alt": content.hero_alt,
        "name": brand.name,
        "website": brand.website,
        "postal_address": _address(brand),
        "unsubscribe_url": brand.unsubscribe_url,
        "colour": email_colours(brand.colours),
    }
    page = _TEMPLATES.get_template("email.mjml").render({k: _printable(v) for k, v in values.items()})
    try:
        html: str = mrml.to_html(page, render_options=mrml.RenderOptions(fonts={})).content
    except OSError as error:
        raise InvalidInput(f"the e-mail cannot be set: {error}", where=content.subject) from None
    if len(html.encode()) > MOST_BYTES:
        raise InvalidInput(
            f"the e-mail has {len(html.encode()):,} bytes of HTML, mail programs cut off after {MOST_BYTES:,}",
            where=content.subject,
            fix="shorten its body",
        )
    return html


def text_body(content: EmailContent, brand: Brand) -> str:
    """The plain-text body: the same words, links written out."""
    parts = [
        brand.name,
        content.heading,
        *content.body,
        f"{call_words(content.call_to_action)}:\n{content.final_url}",
        "-- \n" + "\n".join(_wrapped(f"You receive this because you agreed to hear from {brand.name}.")),
        f"Unsubscribe: {brand.unsubscribe_url}",
        _address(brand),
    ]
    return "\n\n".join(p if "\n" in p else "\n".join(_wrapped(p)) for p in map(_printable, parts)) + "\n"


def _address(brand: Brand) -> str:
    """The postal address, the brand's name before it."""
    named = brand.postal_address.startswith(brand.name)
    return brand.postal_address if named else f"{brand.name}, {brand.postal_address}"


def email_colours(colours: Colours) -> dict[str, str]:
    """Colours by role, every text at least 4.5 : 1 on its ground (WCAG 2.2, 1.4.3)."""
    return {
        "ground": colours.background,
        "primary": colours.primary,
        "text": legible(colours.text, _WHITE),
        "heading": legible(colours.primary, _WHITE),
        "mark": legible(colours.primary, colours.background),
        "link": legible(colours.primary, _WHITE),
        "small": legible(mix(colours.text, colours.background, 0.35), colours.background),
        "button": legible(colours.accent, _WHITE),
        "button_ink": _WHITE,
    }


def _printable(value: Any) -> Any:
    """Without the control characters that XML forbids."""
    if isinstance(value, str):
        return "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    if isinstance(value, tuple):
        return tuple(_printable(v) for v in value)
    return value


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 72, break_long_words=False, break_on_hyphens=False) or [""]
