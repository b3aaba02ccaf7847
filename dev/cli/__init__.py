"""The commands of `dev.py`, one file each, run in the prepared environment.

`dev.command_line` knows their options; a `main` here reads them, prints, and turns known problems into one sentence.
Imports every other room of `dev`; no room imports it.
"""
