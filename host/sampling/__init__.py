"""Sampling on ComfyUI: noise, sigmas, re-noise and both passes, with the host's samplers or A1111's numbers.

Offers what the nodes call: `job` (what a pass is asked for), `passes`, `renoising`, `sigmas`, `noise`, `multi_stage`.
May import comfy, `hires` and the rooms of `host` beside it.
"""
