"""Generated models under the names of the public ones that the saved workflows ask for: these run as they are saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...recipes import models as public
from . import faces, second_pass
from .families import FAMILIES
from .library import ModelFiles


@contextmanager
def stand_ins(models: Path, files: ModelFiles) -> Iterator[None]:
    """Put them into a host's folder of models, and take them away at the end.

    Flux is an SD3 here: a flow model of 16 channels that has its text encoder inside. Every other checkpoint is the
    demo's: SDXL's text encoders cannot be small, and no other complete SD 1.x is as quick to load and to run.
    """
    linked = {
        public.SD15: files.demo,
        public.DREAMSHAPER: files.demo,
        public.SDXL: files.demo,
        public.FLUX: files.folder / "checkpoints" / FAMILIES["sd3"].file,
        public.FACE_DETECTION: files.folder / "detection" / faces.LANDMARKER_FILE,
        public.GFPGAN: files.folder / "face_restore" / faces.GFPGAN_FILE,
    }
    places = {model: models / model.directory / model.name for model in public.PUBLIC_MODELS.values()}
    for place in places.values():
        place.parent.mkdir(parents=True, exist_ok=True)
    for model, file in linked.items():
        places[model].symlink_to(file)
    second_pass.write_controlnet(places[public.TILE_CONTROLNET], files.demo)
    second_pass.write_lora(places[public.DETAIL_LORA], files.demo)
    yield
    for place in places.values():
        place.unlink()
