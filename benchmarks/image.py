"""Pictures: our render against a bare Typst compile of the same pages in the same run, and the demo's load.

in   nothing
out  the ratio of the two over all sizes and directions, with and without a photo; pictures per second
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import typst
from PIL import Image as Picture

from omnimix.creative.brand import Brand
from omnimix.creative.image.poster import DIRECTIONS, Poster
from omnimix.creative.image.render import FONTS, inputs, prepared, render_set
from omnimix.creative.image.size import SIZES
from omnimix.testing.evidence import Figure, at_least, at_most

_PAGE = FONTS.parent / "templates" / "poster.typ"
_BRAND = Brand(name="Larkspur", website="https://larkspur.example", promise="", sells="gifts")
_ROUNDS = 6


def _poster(direction: str, number: int) -> Poster:
    # Typst remembers layouts inside a process: words that were never set before keep both sides honest.
    return Poster(
        headline=f"Little lights for evening {number:04d}",
        supporting=f"Candles and lanterns, {number:04d} ways to make a dark room feel like home.",
        call_to_action="Shop now",
        alt_text="",
        badge="15% off",
        direction=direction,
        motif="candle",
    )


def _photo(folder: Path) -> Path:
    noise = Picture.effect_mandelbrot((1200, 1200), (-2.0, -1.5, 1.0, 1.5), 60).convert("RGB")
    path = folder / "photo.jpg"
    noise.save(path, quality=90)
    return path


def _times(photo: Path | None, folder: Path, start: int) -> tuple[float, float]:
    """Seconds for ours and for bare Typst over the same number of new pages, taken in turns."""
    bare = typst.Compiler(
        _PAGE,
        root="/",
        font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)]),
        ignore_system_fonts=True,
    )
    ours = theirs = 0.0
    number = start
    for turn in range(_ROUNDS * len(DIRECTIONS)):
        direction = DIRECTIONS[turn % len(DIRECTIONS)]
        for mine in (True, False) if turn % 2 else (False, True):
            number += 1
            poster = _poster(direction, number)
            with ExitStack() as stack:
                assets = None if mine else prepared(_BRAND, photo, None, stack)
                begun = time.perf_counter()
                if assets is None:
                    render_set(poster, _BRAND, folder=folder, stem="ours", photo=photo)
                    ours += time.perf_counter() - begun
                    continue
                for size in SIZES.values():
                    png = bare.compile(format="png", ppi=72.0, sys_inputs=inputs(poster, _BRAND, size, assets))
                    (folder / "bare.png").write_bytes(png)
                theirs += time.perf_counter() - begun
    return ours, theirs


def figures() -> Iterator[Figure]:
    """Ratios with and without a photo, and the rate of the photo-less set."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = _photo(folder)
        render_set(_poster("still", 9999), _BRAND, folder=folder, stem="warm", photo=photo)
        plain, bare = _times(None, folder, 0)
        yield at_most("image: render / bare Typst, no photo", plain / bare, 1.3)
        with_photo, bare = _times(photo, folder, 2000)
        yield at_most("image: render / bare Typst, photo", with_photo / bare, 1.3)
        made = _ROUNDS * len(DIRECTIONS) * len(SIZES)
        yield at_least("image: pictures a second, one process", 2 * made / (plain + with_photo), 130 / 15 / 2)
