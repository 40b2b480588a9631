"""The one small tree of errors, sorted by who can put them right.

in   what went wrong, where, and what to do next
out  an exception whose text is one line a person can act on

    OmnimixError
    ├── InvalidInput   the caller's input is wrong: a file, a field, a value       (exit 2, HTTP 422)
    ├── NotFound       what was named does not exist                              (exit 2, HTTP 404)
    ├── NotAllowed     it needs an approval or a right the caller does not have   (exit 1, HTTP 403)
    ├── Conflict       the state changed or forbids it                            (exit 1, HTTP 409)
    └── Unavailable    something outside is missing or down; trying again may help (exit 3, HTTP 503)
"""


class OmnimixError(Exception):
    """What went wrong (`message`), where (`where`), and the next step (`fix`). `str()` is one line."""

    exit_code = 2

    def __init__(self, message: str, *, where: str = "", fix: str = "") -> None:
        self.message, self.where, self.fix = message, where, fix
        place = f"{where}: " if where else ""
        step = f" → {fix}" if fix else ""
        super().__init__(" ".join(f"{place}{message}{step}".split()))


class InvalidInput(OmnimixError, ValueError):
    """The caller's input is wrong. Exit code 2. A ValueError too, so that validators collect it with others."""


class NotFound(OmnimixError):
    """What was named does not exist. Exit code 2."""


class NotAllowed(OmnimixError):
    """An approval or a right is missing. Exit code 1: a person must act."""

    exit_code = 1


class Conflict(OmnimixError):
    """The state changed since, or forbids it. Exit code 1: a person must act."""

    exit_code = 1


class Unavailable(OmnimixError):
    """Something outside is missing or down. Exit code 3."""

    exit_code = 3
