"""The seam where another writer (a language model, an agency) takes the place of the built-in one.

in   a brief with its campaign and brand, a seed
out  variants that hold every limit of `Variant` and use only claims of the brief or of the catalogue
"""

from typing import Protocol

from omnimix.creative.brand import Brand
from omnimix.creative.brief.brief import Brief
from omnimix.creative.campaign import Campaign
from omnimix.creative.variant import Variant


class CopyWriter(Protocol):
    """Anything that can write variants for a brief. The same arguments give the same variants."""

    def write(self, brief: Brief, campaign: Campaign, brand: Brand, *, seed: int) -> tuple[Variant, ...]:
        """Return `campaign.variants_per_brief` variants, one angle each, `step` counting from 0 in story order.

        Raises InvalidInput when the brief gives too little to write a clean set from.
        """
        ...
