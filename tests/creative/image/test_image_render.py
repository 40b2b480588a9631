"""Pictures: exact pixels, weights, safe areas, the same bytes again, and one clear line for bad files."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Picture
from PIL import ImageChops, ImageColor

from omnimix.core.errors import InvalidInput
from omnimix.creative.brand import Brand, Colours
from omnimix.creative.image.motif import MOTIFS
from omnimix.creative.image.palette import make_palette
from omnimix.creative.image.poster import DIRECTIONS, Poster
from omnimix.creative.image.render import render, render_set
from omnimix.creative.image.size import SIZES

BRAND = Brand(name="Larkspur", website="https://larkspur.example", promise="", sells="gifts")
POSTER = Poster(
    headline="Little lights for long evenings",
    supporting="Candles and lanterns that make a dark room feel like home.",
    call_to_action="Shop now",
    alt_text="Candles on a shelf",
    motif="candle",
)
ODD = {
    "short": "Hi",
    "long": "Twenty-four festive paper chains for the whole family to make together this winter",
    "one word": "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 2,
    "accents": "Łódź, Ștefan, crème brûlée & Straßencafé",
    "other scripts": "家のための贈り物 مرحبا שלום",
    "markup": '#panic() $x^2$ <b> _a_ *b* \\ "q" \u200b',
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "jar.jpg"
    Picture.effect_mandelbrot((900, 700), (-2.0, -1.5, 1.0, 1.5), 60).convert("RGB").save(path)
    return path


def _pixels(folder: Path, path: str) -> Picture.Image:
    return Picture.open(io.BytesIO((folder / path).read_bytes())).convert("RGB")


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("with_photo", [False, True])
def test_all_sizes_have_their_pixels_and_weight(
    tmp_path: Path, photo: Path, direction: str, with_photo: bool
) -> None:
    poster = replace(POSTER, direction=direction, badge="15% off", terms="15% off orders over £40")
    images = render_set(poster, BRAND, folder=tmp_path, stem="a/b", photo=photo if with_photo else None)
    assert [i.size for i in images] == list(SIZES)
    for image in images:
        size, file = SIZES[image.size], tmp_path / image.path
        assert _pixels(tmp_path, image.path).size == (size.width, size.height) == (image.width, image.height)
        assert file.stat().st_size <= size.limit
        assert image.contrast >= 4.5
        assert image.with_photo is with_photo
        assert image.alt_text == "Candles on a shelf"
        assert not Path(image.path).is_absolute()


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, photo: Path) -> None:
    first = render_set(POSTER, BRAND, folder=tmp_path / "1", stem="x", photo=photo)
    again = render_set(POSTER, BRAND, folder=tmp_path / "2", stem="x", photo=photo)
    assert first == again


_BARE: dict[tuple[str, str], Picture.Image] = {}


def _bare(factory: pytest.TempPathFactory, blank: Poster, size: str) -> Picture.Image:
    """The page almost without words, drawn once for all tests."""
    key = (blank.direction, size)
    if key not in _BARE:
        folder = factory.mktemp("bare")
        image = render(blank, replace(BRAND, name="i"), size=size, folder=folder, name="x")
        _BARE[key] = _pixels(folder, image.path)
    return _BARE[key]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("words", ODD.values(), ids=list(ODD))
def test_words_stay_in_the_safe_area(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, direction: str, words: str
) -> None:
    """Whatever changes when the words change is text; it must lie inside the safe area of every size."""
    blank = Poster(headline="I", supporting="", call_to_action="i", alt_text="", direction=direction)
    full = replace(
        blank, headline=words, supporting=words, call_to_action="Shop now", product=words[:40], price="£1,250"
    )
    for size in SIZES.values():
        page = _pixels(tmp_path, render(full, BRAND, size=size.name, folder=tmp_path, name="full").path)
        box = ImageChops.difference(page, _bare(tmp_path_factory, blank, size.name)).getbbox()
        assert box is not None
        top, right, bottom, left = size.safe
        assert box[0] >= size.width * left
        assert box[1] >= size.height * top
        assert box[2] <= size.width * (1 - right)
        assert box[3] <= size.height * (1 - bottom)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_colours_whose_contrast_is_reported_are_the_ones_drawn(tmp_path: Path, direction: str) -> None:
    ugly = replace(
        BRAND, colours=Colours(primary="#ffff00", accent="#ffffee", background="#ffffff", text="#cccccc")
    )
    poster = replace(POSTER, direction=direction)
    image = render(poster, ugly, size="square", folder=tmp_path, name="x")
    counted = _pixels(tmp_path, image.path).getcolors(1 << 24)
    drawn = [colour for _, colour in counted or ()]
    roles = make_palette(ugly.colours, direction).roles
    for role in ("ground", "ink", "body", "button", "button_ink"):
        wanted = ImageColor.getrgb(roles[role])
        nearest = min(max(abs(a - b) for a, b in zip(wanted, c, strict=True)) for c in drawn)
        assert nearest <= 3, role  # a stroke's inside is a shade off after smoothing
    assert image.contrast >= 4.5


def test_every_motif_is_a_drawing_of_its_own(tmp_path: Path) -> None:
    made = {
        render(replace(POSTER, motif=m), BRAND, size="rectangle", folder=tmp_path, name=m).sha256 for m in MOTIFS
    }
    assert len(made) == len(MOTIFS)


def test_a_badge_or_a_price_changes_the_picture(tmp_path: Path) -> None:
    posters = (POSTER, replace(POSTER, badge="15% off"), replace(POSTER, product="Jar", price="£4.25"))
    assert len({render(p, BRAND, size="story", folder=tmp_path, name="x").sha256 for p in posters}) == 3


def test_a_logo_stands_on_the_picture(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">'
        '<circle cx="5" cy="5" r="5" fill="#ff00ff"/></svg>'
    )
    brand = replace(BRAND, logo="logo.svg")
    image = render(POSTER, brand, size="landscape", folder=tmp_path, name="x", workspace=tmp_path)
    assert (255, 0, 255) in {c for _, c in _pixels(tmp_path, image.path).getcolors(1 << 24) or ()}


def test_an_upright_photo_is_drawn_upright(tmp_path: Path) -> None:
    """A photo stored on its side with an EXIF mark looks as the one stored upright."""
    upright = Picture.new("RGB", (60, 120), "#ff0000")
    upright.paste("#0000ff", (0, 60, 60, 120))
    upright.save(tmp_path / "a.png")
    exif = Picture.Exif()
    exif[0x0112] = 6
    upright.rotate(90, expand=True).save(tmp_path / "b.png", exif=exif)
    first, second = (
        render(POSTER, BRAND, size="landscape", folder=tmp_path, name=n, photo=tmp_path / f"{n}.png") for n in "ab"
    )
    pair = (_pixels(tmp_path, first.path), _pixels(tmp_path, second.path))
    assert max(high for _, high in ImageChops.difference(*pair).getextrema()) <= 8


@pytest.mark.parametrize(
    ("change", "file", "content", "told"),
    [
        ({"logo": "logo.png"}, None, b"", r"brand.toml: logo .*logo.png.*no file 'logo.png'.*→"),
        ({"logo": "logo.png"}, "logo.png", b"not a picture", r"brand.toml: logo.*'logo.png' is not a picture"),
        ({"logo": "logo.svg"}, "logo.svg", b"<svg", r"brand.toml: logo.*'logo.svg' cannot be drawn"),
        ({"heading_font": "x.ttf"}, "x.ttf", b"nothing", r"brand.toml: heading_font: no font file 'x.ttf'"),
        (
            {"colours": Colours(primary="green")},
            None,
            b"",
            r"brand.toml: colours.primary: 'green' is not a colour",
        ),
    ],
)
def test_bad_brand_files_are_named(
    tmp_path: Path, change: dict[str, object], file: str | None, content: bytes, told: str
) -> None:
    if file:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(InvalidInput, match=told) as caught:
        render(POSTER, replace(BRAND, **change), size="square", folder=tmp_path, name="x", workspace=tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("content", [None, b"", b"GIF89a....", b"\xff\xd8\xff\xe0 cut off"])
def test_bad_photos_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mug.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"product image .*mug.jpg"):
        render_set(POSTER, BRAND, folder=tmp_path, stem="x", photo=path)


def test_a_cut_off_photo_is_named(tmp_path: Path, photo: Path) -> None:
    broken = tmp_path / "half.jpg"
    broken.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    with pytest.raises(InvalidInput, match=r"half.jpg"):
        render_set(POSTER, BRAND, folder=tmp_path, stem="x", photo=broken)


def test_a_font_of_the_brand_is_used(tmp_path: Path) -> None:
    fonts = Path(render.__code__.co_filename).parent / "fonts"
    (tmp_path / "own.ttf").write_bytes((fonts / "Figtree-Bold.ttf").read_bytes())
    own = replace(BRAND, heading_font="own.ttf")
    plain = render(POSTER, BRAND, size="square", folder=tmp_path, name="a", workspace=tmp_path)
    changed = render(POSTER, own, size="square", folder=tmp_path, name="b", workspace=tmp_path)
    assert plain.sha256 != changed.sha256
