"""LATENTs and the VAE: checks, resizing, encoding and decoding of any size, A1111's random encodings.

`latents` is where a LATENT is looked into; `codec`, `posterior` and `any_size` take it through a VAE, large pictures in
the tiles of `tiled_vae`.
May import comfy, `hires` and `upscale_models`.
"""
