"""SVG as text: the few elements that our charts are drawn with.

in   numbers and words
out  escaped markup
"""

from collections.abc import Iterable

from markupsafe import Markup

Number = float | int


def tag(name: str, *inside: Markup | str, **attributes: Number | str) -> Markup:
    """One element; underscores in attribute names become hyphens, `class_` becomes `class`."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
    )
    return Markup("<{}{}>{}</{}>").format(name, written, Markup("").join(inside), name)


def _short(value: Number | str) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def words(x: Number, y: Number, text: str, class_: str = "", anchor: str = "start") -> Markup:
    """A line of text; `anchor` is start, middle or end."""
    return tag("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def box(x: Number, y: Number, width: Number, height: Number, class_: str, corner: Number = 2) -> Markup:
    """A rectangle of at least no width."""
    return tag(
        "rect", x=x, y=y, width=max(0.0, float(width)), height=max(0.0, float(height)), rx=corner, class_=class_
    )


def stroke(x1: Number, y1: Number, x2: Number, y2: Number, class_: str, width: Number = 1) -> Markup:
    """A straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_, stroke_width=width)


def drawing(
    width: Number, height: Number, parts: Iterable[Markup | str], *, title: str, simulated: bool = False
) -> Markup:
    """A whole chart with its name for those who cannot see it, and the SIMULATED mark where it belongs."""
    mark = words(8, 16, "SIMULATED", "simulated-mark") if simulated else Markup("")
    named = Markup("<title>{}</title>").format(title)
    chart = tag(
        "svg", named, *parts, mark, viewBox=f"0 0 {_short(width)} {_short(height)}", role="img", aria_label=title
    )
    return Markup('<div class="chart" tabindex="0" role="group" aria-label="{}">{}</div>').format(title, chart)


def cut(text: str, most: int) -> str:
    """`text`, or its beginning and an ellipsis when it has more than `most` characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
