"""The seven formats of a picture.

in   nothing
out  Size records by name: pixels, weight limit and safe area
"""

from dataclasses import dataclass

_KB = 1024


@dataclass(frozen=True, slots=True)
class Size:
    """One format. `safe` is (top, right, bottom, left), shares of height and width that text keeps clear of."""

    name: str
    width: int
    height: int
    limit: int  # bytes a file may weigh
    safe: tuple[float, float, float, float] = (0.04, 0.04, 0.04, 0.04)


# Story: what the platform's own controls cover, 14 % above, 35 % below, 6 % at the sides (Meta, Reels and Stories
# safe zones). Fixed display sizes: 150 KB, the common limit of uploaded display ads.
SIZES: dict[str, Size] = {
    s.name: s
    for s in (
        Size("landscape", 1200, 628, 1000 * _KB),
        Size("square", 1080, 1080, 1000 * _KB),
        Size("portrait", 1080, 1350, 1000 * _KB),
        Size("story", 1080, 1920, 1000 * _KB, (0.14, 0.06, 0.35, 0.06)),
        Size("leaderboard", 728, 90, 150 * _KB),
        Size("rectangle", 300, 250, 150 * _KB),
        Size("skyscraper", 160, 600, 150 * _KB),
    )
}
