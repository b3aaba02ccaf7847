"""Sizes: A1111's target size, its Extras tab, exact sizes, stages, how often a model runs, places in prompts.

Offers plain integers and small dataclasses; `latent` alone works on tensors.
May import `hires.errors`.
"""
