"""Run one of the benchmarks. Used by `dev.py bench`; what follows its name is the benchmark's own."""

from __future__ import annotations

import sys

from mount import module

if __name__ == "__main__":
    name = sys.argv.pop(1)
    sys.exit(module(f"benchmarks.bench_{name}").main())
