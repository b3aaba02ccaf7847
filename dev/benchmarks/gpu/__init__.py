"""Whether a graphics card does what it should, in minutes: `dev.py bench gpu`.

`checks` says what is measured, `run` prints it. Imports the whole pack, `host` and the other benchmarks.
"""
