"""Which drawing stands for a product where there is no photo.

in   a product's name and category
out  the name of a motif in templates/motifs.typ
"""

import re

# First match wins: the narrow words before the wide ones.
_WORDS: tuple[tuple[str, str], ...] = (
    ("bunting", r"bunting|party|garland|balloon|birthday|celebrat"),
    ("tree", r"christmas|xmas|advent|bauble|reindeer|santa|festive"),
    ("candle", r"candle|t-?light|lantern|night ?light|lamp|light|wick|incense"),
    ("cake", r"cake|baking|bake|cupcake|tier|pantry|sweet"),
    ("cup", r"mug|cup|tea|coffee|kitchen|bowl|plate|dining|jug|food|drink|cutlery"),
    ("bag", r"bag|tote|shopper|purse|lunch|luggage|travel|backpack|fashion|cloth|apparel|shoe"),
    ("plant", r"garden|plant|flower|herb|seed|outdoor|rose|watering"),
    ("letter", r"paper|card|station|letter|notebook|pen|pencil|envelope|office|book|craft|sticker"),
    ("blocks", r"toy|game|child|kid|block|doll|baby|puzzle|nursery|play"),
    ("beads", r"jewel|bracelet|necklace|earring|ring|bead|beauty|accessor"),
    ("jars", r"storage|tin|jar|box|drawer|basket|cabinet|organis|bath|soap"),
    ("house", r"home|house|decor|frame|mirror|clock|cushion|doormat|sign|hook|furnitur|heart|vase"),
    ("gift", r"gift|wrap|present|ribbon|hamper|set"),
    ("star", r"star|spaceboy|vintage|retro"),
)
MOTIFS = tuple(name for name, _ in _WORDS)


def motif_for(category: str, name: str = "") -> str:
    """The motif whose words are met in the product's name, else in its category; `gift` otherwise."""
    for text in (name.lower(), category.lower()):
        for motif, words in _WORDS:
            if re.search(rf"(?<![a-z])(?:{words})", text):
                return motif
    return "gift"
