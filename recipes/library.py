"""Every workflow and box of the pack by the name of its file; called without arguments, each is as it is shipped."""

# their decorators fill the lists
from . import (  # noqa: F401
    apps,
    blueprints,
    gallery,
    gallery_diffusion,
    gallery_models,
    gallery_regions,
    gallery_tiled_model,
    gallery_tiles,
    gallery_upscale,
)
from .workflow import APPS, BLUEPRINTS, WORKFLOWS

__all__ = ["APPS", "BLUEPRINTS", "WORKFLOWS"]
