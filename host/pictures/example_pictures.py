"""The pictures of the saved workflows, for ComfyUI's input folder."""

from __future__ import annotations

import logging
from pathlib import Path

import folder_paths

from ...pictures import PictureError
from ...pictures.write import complete_or_absent

log = logging.getLogger("hires-fix")

SHIPPED = Path(__file__).resolve().parents[2] / "workflows" / "input"


def provide() -> list[Path]:
    """Copy each picture whose name is free into the input folder; returns the copies.

    Never an error: where nothing can be written, the log says so, and the workflows ask for a picture.
    """
    made = []
    try:
        for picture in sorted(SHIPPED.glob("*.jpg")):
            target = Path(folder_paths.get_input_directory()) / picture.name
            if target.exists():
                continue
            with complete_or_absent(target) as file:
                file.write(picture.read_bytes())
            made.append(target)
    except (OSError, PictureError) as error:
        log.info("The example pictures of the workflows were not put into the input folder: %s", error)
    return made
