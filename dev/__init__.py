"""Everything for developers, behind `dev.py`: a room each for what it makes, measures and tests with.

The modules here are for every command: the mount of the package, the command line, the report file, stopping in order.
They import the standard library alone, so that `dev.py` runs with a bare Python. Nothing that is shipped imports `dev`.
"""
