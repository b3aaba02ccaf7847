"""How the demo checkpoint was trained: its networks without the channels that are zero, VAE first, then UNet.

Nothing but `quality` and its own tests needs it to run. Imports torch, numpy, Pillow, `demo`, `training`.
"""
