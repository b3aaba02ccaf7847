"""The demo's world: landscapes drawn from random numbers with captions, and readers that check a picture of one.

`scenes` has what trainings need, `checks` what `quality` needs. Imports numpy and Pillow.
"""
