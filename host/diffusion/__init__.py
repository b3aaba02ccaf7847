"""Diffusion models as upscalers among the others: a MODEL with its VAE, prompts and numbers, told one window at a time.

Offers `make` (the upscaler for a MODEL, by its kind) and the kinds: `redraw`, `sd_x4`, `seedvr2`. May import comfy,
`hires`, `upscale_models` and the rooms of `host` beside it.
"""
