"""Recorded A1111 runs beside the pack's: `dev.py parity`.

`run` reads cases, turns their settings into graphs, runs and measures them; `differences` lists what is refused on
purpose. Imports `hires`, `fixtures`, `host`.
"""
