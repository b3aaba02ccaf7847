"""Sheets of pictures that differ in two values, to choose by looking.

Offers `axes` (what the values are) and `drawing` (the labelled sheet). May import errors and `hires.model_names`.
"""
