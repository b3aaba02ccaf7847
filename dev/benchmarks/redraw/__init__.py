"""What `bench_redraw` compares: ways of a second pass of a large picture, and their figures.

Imports `hires`, `nodes`, `demo`, `training`.
"""
