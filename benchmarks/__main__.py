"""python -m benchmarks [NAME …]: print each figure against its goal; exit 1 when one falls short."""

import sys

import benchmarks
from omnimix.testing.evidence import main

if __name__ == "__main__":
    raise SystemExit(main(benchmarks, sys.argv[1:]))
