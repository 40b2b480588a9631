"""python -m proofs [NAME …]: print each figure against its goal; exit 1 when one falls short."""

import sys

import proofs
from omnimix.testing.evidence import main

if __name__ == "__main__":
    raise SystemExit(main(proofs, sys.argv[1:]))
