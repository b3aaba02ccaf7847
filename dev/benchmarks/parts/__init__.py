"""Parts whose cost no whole job shows: `dev.py bench parts`.

Each has `rows()`, ratios of runs in turns. Imports the whole pack, `host` and what the
other benchmarks measure with.
"""
