"""Whole folders of pictures: finding them, naming the results, what is there already, one job at a time, the report.

Nothing is upscaled here. May import the rest of `pictures`.
"""
