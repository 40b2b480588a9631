"""python -m proofs [NAME …]: print each figure against its goal; exit 1 when one falls short."""

import sys

import proofs
from omnimix.core.errors import OmnimixError
from omnimix.testing.evidence import run


def main(chosen: list[str]) -> int:
    """Run the chosen modules, or all. Returns the exit code."""
    short = 0
    try:
        for figure in run(proofs, chosen):
            print(figure, flush=True)
            short += not figure.ok
    except OmnimixError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 1 if short else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
