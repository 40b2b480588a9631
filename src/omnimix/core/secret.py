"""A secret: a text that prints as ***.

in   a password, key or URL with credentials
out  an object that shows nothing unless asked to
"""


class Secret:
    """Wraps a text; `str`, `repr` and formatting give ***, `reveal()` gives the text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
