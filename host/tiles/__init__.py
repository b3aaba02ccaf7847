"""Models that see a canvas in windows: what they are given is cut, what they make is put together at every call.

Offers `tiled_model`, and `model_meetings` (where its windows meet). May import comfy, `hires` and the rooms of `host`
beside it.
"""
