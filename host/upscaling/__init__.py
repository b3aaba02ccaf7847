"""Upscaling on the host: upscalers and face models from its folders, run under its memory management.

Offers `pictures` (on their own), `pixels` (between the passes), `faces`, and `runtime` for the engine.
May import `hires`, `upscale_models`, `pictures`, and of `host` its latents, memory,
plugins and progress.
"""
