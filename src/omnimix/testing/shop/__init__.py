"""The demo shop: a whole workspace with real orders, curated products, a brand and one campaign.

in   an empty folder
out  the workspace's files in it; where they come from is told in ATTRIBUTION.md
"""

import shutil
from pathlib import Path

SHOP = Path(__file__).parent


def shop_files() -> tuple[Path, ...]:
    """The workspace's files, relative to `SHOP`, sorted."""
    found = (p.relative_to(SHOP) for p in SHOP.rglob("*") if p.is_file())
    return tuple(sorted(p for p in found if p.suffix not in {".py", ".pyc"}))


def open_shop(folder: Path) -> tuple[Path, ...]:
    """Copy the demo shop into `folder`, replacing files of the same name. Returns the paths written."""
    written = []
    for name in shop_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHOP / name, target)
        written.append(target)
    return tuple(written)
