"""Render posters with Typst: vector templates, words fitted by measuring, pixels exactly as the channel wants.

in   Poster, Brand, a photo or none, a folder to write to
out  PNG files and Image records; the same input gives the same bytes
"""

import hashlib
import io
import json
import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import typst
from PIL import Image as Picture
from PIL import ImageFont, ImageOps, UnidentifiedImageError

from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Brand
from omnimix.creative.image.palette import make_palette
from omnimix.creative.image.poster import Poster
from omnimix.creative.image.size import SIZES, Size
from omnimix.creative.variant import Image

_HERE = Path(__file__).parent
FONTS = _HERE / "fonts"
_PAGE = _HERE / "templates" / "poster.typ"
_COMPOUND = re.compile(r"(?<=\b\w)-(?=\w{1,9}\b)|(?<=\b\w\w)-(?=\w{1,9}\b)")  # short, as "T-light"
_LARGEST = 1600  # pixels of a photo's longer side that any format can show


@dataclass(frozen=True, slots=True)
class Assets:
    """Files a picture uses, checked and ready: absolute paths, empty where there is none."""

    photo: str
    logo: str
    heading: str  # font family
    body: str
    fonts: tuple[str, ...]  # files and folders to look for fonts in


def render(
    poster: Poster,
    brand: Brand,
    *,
    size: str,
    folder: Path,
    name: str,
    photo: Path | None = None,
    workspace: Path | None = None,
) -> Image:
    """Render one size to `folder`/`name`.png and describe it; `Image.path` is relative to `folder`.

    `photo` is a file; logo and fonts of the brand are looked for in `workspace`. Raises InvalidInput for a missing
    or broken photo, logo or font, or a colour that is none.
    """
    return render_set(
        poster, brand, sizes=(size,), folder=folder, stem=name, photo=photo, workspace=workspace, flat=True
    )[0]


def render_set(
    poster: Poster,
    brand: Brand,
    *,
    folder: Path,
    stem: str,
    sizes: Sequence[str] = tuple(SIZES),
    photo: Path | None = None,
    workspace: Path | None = None,
    flat: bool = False,
) -> tuple[Image, ...]:
    """Render every size to `folder`/`stem`/<size>.png, or to `stem`.png when `flat` (one size only)."""
    with ExitStack() as stack:
        assets = prepared(brand, photo, workspace, stack)
        made = []
        for size in sizes:
            path = f"{stem}.png" if flat else f"{stem}/{size}.png"
            png = picture(poster, brand, SIZES[size], assets)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(png)
            made.append(_described(poster, brand, SIZES[size], png, path, bool(assets.photo)))
    return tuple(made)


def _described(poster: Poster, brand: Brand, size: Size, png: bytes, path: str, with_photo: bool) -> Image:
    return Image(
        size=size.name,
        width=size.width,
        height=size.height,
        path=path,
        sha256=hashlib.sha256(png).hexdigest(),
        alt_text=poster.alt_text,
        contrast=round(make_palette(brand.colours, poster.direction).contrast, 2),
        with_photo=with_photo,
    )


def inputs(poster: Poster, brand: Brand, size: Size, assets: Assets) -> dict[str, str]:
    """What the template reads from `sys.inputs`: one JSON text."""
    top, right, bottom, left = size.safe
    return {
        "poster": json.dumps(
            {
                "size": size.name,
                "width": size.width,
                "height": size.height,
                "safe": {"top": top, "right": right, "bottom": bottom, "left": left},
                "direction": poster.direction,
                "motif": poster.motif,
                "colours": dict(make_palette(brand.colours, poster.direction).roles),
                "headline": _breakable(poster.headline),
                "supporting": _breakable(poster.supporting),
                "action": poster.call_to_action,
                "badge": poster.badge,
                "terms": _breakable(poster.terms),
                "product": _breakable(poster.product),
                "price": poster.price,
                "brand": _breakable(brand.name),
                "lang": brand.language.split("-")[0][:3].lower() or "en",
                "photo": assets.photo,
                "logo": assets.logo,
                "heading": assets.heading,
                "body_font": assets.body,
            },
            sort_keys=True,
        )
    }


def picture(poster: Poster, brand: Brand, size: Size, assets: Assets) -> bytes:
    """The PNG of one size. Raises InvalidInput when Typst cannot read the logo or the photo."""
    try:
        png = _compiler(assets.fonts).compile(
            format="png", ppi=72.0, sys_inputs=inputs(poster, brand, size, assets)
        )
    except typst.TypstError as error:
        if not assets.logo:
            raise
        # Photos are saved anew before they come here, so what cannot be read is the logo.
        raise InvalidInput(
            f"the logo {Path(assets.logo).name!r} cannot be drawn: {error.message}",
            where="brand.toml: logo",
            fix="save it anew as a plain PNG or SVG",
        ) from error
    if not isinstance(png, bytes):
        raise TypeError("a poster is one page")
    return _within(png, size.limit)


def _within(png: bytes, limit: int) -> bytes:
    """The same picture with fewer colours when it weighs more than `limit` bytes."""
    for colours in (256, 128, 64, 32):
        if len(png) <= limit:
            return png
        with Picture.open(io.BytesIO(png)) as image:
            few = image.convert("RGB").quantize(colours, method=Picture.Quantize.MEDIANCUT)
        out = io.BytesIO()
        few.save(out, "PNG", optimize=True)
        png = out.getvalue()
    return png


@lru_cache(maxsize=8)
def _compiler(fonts: tuple[str, ...]) -> typst.Compiler:
    """One compiler per set of fonts: fonts and templates are read once, layouts are remembered."""
    return typst.Compiler(
        _PAGE,
        root="/",
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(fonts)),
        ignore_system_fonts=True,
    )


def _breakable(text: str) -> str:
    """Say where lines may break: inside runs of more than 18 characters, never inside "T-light"."""
    tidy = _COMPOUND.sub("\u2060-\u2060", " ".join(text.split()))
    words = (
        w if len(w) <= 18 else "\u200b".join(w[i : i + 12] for i in range(0, len(w), 12)) for w in tidy.split(" ")
    )
    return " ".join(words)


def prepared(brand: Brand, photo: Path | None, workspace: Path | None, stack: ExitStack) -> Assets:
    """Check photo, logo and fonts, and make the photo ready in a folder that lives as long as `stack`."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omnimix-"))) if photo else None
    home = (workspace or Path()).resolve()
    heading, heading_file = _font(brand.heading_font, "heading_font", home, "Fraunces")
    body, body_file = _font(brand.body_font, "body_font", home, "Figtree")
    logo = home / brand.logo if brand.logo else None
    if logo is not None:
        _readable(logo, where="brand.toml: logo", fix="correct the path, or leave logo out to show the name")
    return Assets(
        photo=str(_upright(photo, folder)) if photo and folder else "",
        logo=str(logo) if logo else "",
        heading=heading,
        body=body,
        fonts=tuple(dict.fromkeys((str(FONTS), *heading_file, *body_file))),
    )


def _font(value: str, key: str, home: Path, default: str) -> tuple[str, tuple[str, ...]]:
    """(family, files) of a font setting: empty, or the path of a .ttf or .otf file inside the workspace."""
    if not value:
        return default, ()
    path = home / value
    try:
        family = ImageFont.truetype(str(path)).getname()[0]
    except OSError:
        raise InvalidInput(
            f"no font file {value!r}",
            where=f"brand.toml: {key}",
            fix="give a .ttf or .otf file, or leave it empty",
        ) from None
    return family or default, (str(path),)


def _readable(path: Path, *, where: str, fix: str) -> None:
    if not path.is_file():
        raise InvalidInput(f"no file {path.name!r}", where=f"{where} ({path})", fix=fix)
    if path.suffix.lower() == ".svg":
        return
    try:
        with Picture.open(path) as image:
            image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise InvalidInput(f"{path.name!r} is not a picture that can be read", where=where, fix=fix) from None


def _upright(photo: Path, folder: Path) -> Path:
    """The photo upright, in RGB, no larger than any format can show."""
    where, fix = f"product image {photo}", "correct the product's image path, or leave it empty"
    _readable(photo, where=where, fix=fix)
    try:
        with Picture.open(photo) as image:
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((_LARGEST, _LARGEST))
            clear = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
            target = folder / ("photo.png" if clear else "photo.jpg")
            upright.convert("RGBA" if clear else "RGB").save(target, quality=92)
    except (OSError, SyntaxError, ValueError, Picture.DecompressionBombError):
        raise InvalidInput(f"{photo.name!r} is not a picture that can be read", where=where, fix=fix) from None
    return target
