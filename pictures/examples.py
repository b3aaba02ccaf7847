"""The pictures of the saved workflows, for the folder in which these look for them."""

from __future__ import annotations

import logging
from pathlib import Path

from .base.errors import PictureError
from .write import complete_or_absent

log = logging.getLogger("hires-fix")

EXAMPLES = Path(__file__).resolve().parents[1] / "workflows" / "input"


def copy_examples(folder: Path) -> list[Path]:
    """Copy each picture whose name is free into `folder`; returns the copies.

    Never an error: where nothing can be written, the log says so, and the workflows ask for a picture.
    """
    made = []
    try:
        for picture in sorted(EXAMPLES.glob("*.jpg")):
            target = folder / picture.name
            if target.exists():
                continue
            with complete_or_absent(target) as file:
                file.write(picture.read_bytes())
            made.append(target)
    except (OSError, PictureError) as error:
        log.warning("The example pictures of the workflows could not be put into '%s': %s", folder, error)
    return made
