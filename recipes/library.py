"""Every workflow and box of the pack by the name of its file; called without arguments, each is as it is shipped."""

# their decorators fill the lists
from . import (
    apps,
    blueprints,
    gallery,
    gallery_compare,
    gallery_models,
    gallery_regions,
    gallery_tiles,
    gallery_upscale,
)  # noqa: F401
from .workflow import APPS, BLUEPRINTS, WORKFLOWS

__all__ = ["APPS", "BLUEPRINTS", "WORKFLOWS"]
