"""Pictures cut into tiles that are worked on one by one, and the way of tiles through a VAE, batch by batch.

May import comfy, `latents`, `sampling` and `hires.tiles`.
"""
