"""Recorded A1111 runs beside the pack's: `dev.py parity`.

`run` reads cases, turns their settings into graphs, runs and measures them; `redraw` takes those of img2img from
A1111's API; `differences` lists what is refused on purpose. Imports `hires`, `sdapi`, `fixtures`, `host`.
"""
