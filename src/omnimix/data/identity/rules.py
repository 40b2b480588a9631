"""How identity is decided: the `[identity]` table of omnimix.toml.

in   the table's keys
out  a frozen IdentityRules record
"""

from omnimix.core.errors import InvalidInput
from omnimix.core.record import config


@config
class IdentityRules:
    """`[identity]`: which links count, and whether records without a common key are matched by what they say.

    Probabilities are in (0, 1). A pair at or above `link` is linked, one from `review` up waits for a person, the
    rest stays apart. `most_per_key`: a key that more distinct stronger keys share stops linking (a family's phone,
    a till's e-mail). `most_per_profile`: links that would give one profile more user ids than this are refused.
    `most_per_block`: a value that more records share is too common to look for pairs by.
    """

    match: bool = True  # takes effect once a source brings names, addresses or birth dates
    link: float = 0.97
    review: float = 0.60
    most_per_key: int = 10
    most_per_profile: int = 50
    most_per_block: int = 60
    one_file: int = 200_000  # links; more of them are split over many files
    train_from: int = 500  # records; below, the shipped parameters are used
    memory: str = "3GB"  # of the matching engine, which spills nothing to disk: what it holds is in the clear

    def __post_init__(self) -> None:
        if not 0 < self.review <= self.link < 1:
            raise InvalidInput(
                f"review {self.review:g} and link {self.link:g} are not in order",
                where="identity.review",
                fix="give 0 < review ≤ link < 1",
            )
        for name, least in (
            ("most_per_key", 1),
            ("most_per_profile", 2),
            ("most_per_block", 2),
            ("train_from", 2),
            ("one_file", 0),
        ):
            if getattr(self, name) < least:
                raise InvalidInput("is too small", where=f"identity.{name}", fix=f"give {least} or more")


STANDARD = IdentityRules()
