"""The nodes, one file a stage: inputs and outputs as data, and one call into `host`.

A file is found by being here, a class by its decorator (`registry.node`). Imports all other rooms, `comfy_api`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from comfy_api.latest import ComfyExtension, io

from ..host.editor import routes
from ..host.pictures import picture_files
from ..host.plugins import door
from ..host.sdapi import doors
from ..host.upscaling import upscalers
from . import registry

for _file in iter_modules(__path__):
    import_module(f".{_file.name}", __name__)


class HiresFixExtension(ComfyExtension):
    """What ComfyUI asks the pack for."""

    async def on_load(self) -> None:
        """What the host lets a pack do before it starts to listen."""
        upscalers.list_shipped_weights()
        picture_files.provide_examples()
        routes.register()
        doors.open_doors()
        door.open_door()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """All nodes, in the order of the stages."""
        return [listed.cls for listed in sorted(registry.NODES.values(), key=lambda listed: listed.place)]
