"""The workers that a node may use: graphics cards of this process, or what the owner has listed.

Offers `crews`, their names for the nodes and a pool for a job, and `meeting`: the pool once it has the models.
May import `hires`, `machines`, `upscale_models`, and of `host` its upscalers, those of other packs, hashes, progress
and the end of a run.
"""
