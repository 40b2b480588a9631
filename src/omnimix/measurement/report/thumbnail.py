"""Thumbnails: a creative as a small JPEG inside the page.

in   a picture file
out  a data URI, or nothing when the file is not there
"""

import base64
import io
from pathlib import Path

from PIL import Image as Picture
from PIL import UnidentifiedImageError

_HEIGHT = 460  # pixels: twice what the page shows, for fine screens
_WIDTH = 720


def data_uri(path: Path, *, width: int = _WIDTH, height: int = _HEIGHT) -> str:
    """The picture no larger than `width` × `height` pixels; an empty text when it cannot be read."""
    try:
        with Picture.open(path) as picture:
            small = picture.convert("RGB")
            small.thumbnail((width, height), Picture.Resampling.BICUBIC, reducing_gap=2.0)
    except (OSError, UnidentifiedImageError):
        return ""
    out = io.BytesIO()
    small.save(out, "JPEG", quality=80, optimize=True, progressive=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def font_uri(path: Path) -> str:
    """A font file as a data URI."""
    return f"data:font/ttf;base64,{base64.b64encode(path.read_bytes()).decode()}"
