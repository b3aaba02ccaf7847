"""Generated files that are the same on every machine: weights from a seed, and what writes a file only once.

Below `demo` and `fixtures`, which make their models with it. Imports numpy.
"""
