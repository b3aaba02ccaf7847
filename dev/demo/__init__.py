"""The demo checkpoint as a complete SD 1.x file: `checkpoint.ensure` makes it of the shipped weights.

Imports numpy, safetensors, `seeded`; no torch, so that a server can be started with it quickly.
"""
