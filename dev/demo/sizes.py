"""Sizes of the demo checkpoint: those that the host fixes, and how much of them is used."""

from __future__ import annotations

EDGE = 128
"""Pixels across and down of the pictures that the model knows."""

LATENT = 4
CELL = 8
"""Pixels across and down of a latent cell."""

CHANNELS, HEAD = 320, 40
"""Of an SD 1.x UNet."""

WIDTH = 80
"""Channels of the UNet that are used: a multiple of 40 for whole heads."""

FULL_TIME, TIME = 1280, 320
"""Length of the time embedding, and how much of it is used."""

FULL_CONTEXT = 768
"""Channels of a token of the text encoder."""

CODE = 192
"""Channels that hold a token's code; its predecessors' codes take as many each."""

CONTEXT = 3 * CODE
"""Channels of a token that say something: its own code and those of the two tokens before it."""

TOKENS = 77

FULL_VAE_WIDTH = 64
"""Channels of a TAESD VAE."""

SCALE = 0.18215
"""SD 1.x's factor from the LATENT socket to what the UNet sees."""
