"""Bringing pictures to an exact size in tiles that fit the memory, in memory (`upscale_to`) or piece by piece.

Offers `run_plan` (the plan that a job follows and the badge counts) and `upscale`. May import `models`, `hires`.
"""
