"""Every workflow and box of the pack by the name of its file; called without arguments, each is as it is shipped."""

from . import apps, blueprints, gallery, gallery_models, gallery_upscale  # noqa: F401 - their decorators fill the lists
from .workflow import APPS, BLUEPRINTS, WORKFLOWS

__all__ = ["APPS", "BLUEPRINTS", "WORKFLOWS"]
