"""Pictures that come with the pack, for the workflows that begin with one; ComfyUI's input folder gets them.

Where they are from: `workflows/input/LICENSES.md`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExamplePicture:
    """One of them."""

    file: str
    """Its name, in `workflows/input` and in the input folder."""

    prompt: str
    """What it shows, for workflows that draw it again."""


CAT = ExamplePicture("hires-fix-cat.jpg", "close-up photograph of a tabby cat, whiskers, detailed fur, sharp eyes")
COFFEE = ExamplePicture(
    "hires-fix-coffee.jpg", "photograph of an espresso in a red cup on a wooden table, spoon, wood grain, detailed"
)
ASTRONAUT = ExamplePicture(
    "hires-fix-astronaut.jpg", "photograph of a smiling astronaut in an orange suit, detailed face"
)
