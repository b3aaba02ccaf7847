"""Networks that compute the same on a CPU in less time and memory.

Each file offers a copy of a model with the same weights, or the model itself where it gains nothing; `tiles` asks for
them. Imports `models`.
"""
