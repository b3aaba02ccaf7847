"""Files of weights."""

from __future__ import annotations

import pickle
from typing import Any

import comfy.utils


class UnreadableFileError(Exception):
    """Why a file cannot be read, as the end of a sentence about it."""


def read_weights(path: str) -> dict[str, Any]:
    """Read a file through the host's safe loader, which refuses a pickle that would run code.

    Raises:
        UnreadableFileError: the file is damaged or unsafe.
    """
    try:
        return comfy.utils.load_torch_file(path, safe_load=True)
    except pickle.UnpicklingError as error:  # torch's own words advise to switch the safety off
        raise UnreadableFileError("it is damaged, or it would run code when opened, which is refused") from error
    except Exception as error:  # every container has its own complaints about a damaged file
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise UnreadableFileError(f"it cannot be read ({type(error).__name__}: {first_line})") from error
