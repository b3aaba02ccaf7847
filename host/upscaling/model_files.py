"""Files of weights."""

from __future__ import annotations

import os
import pickle
import zlib
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import comfy.utils
import torch

from ...upscale_models.models.cost import CostError, check_container, check_held


class UnreadableFileError(Exception):
    """Why a file cannot be read, as the end of a sentence about it."""


def read_weights(path: str) -> Mapping[str, Any]:
    """Read a file through the host's safe loader, which refuses a pickle that would run code.

    Raises:
        UnreadableFileError: the file is damaged or unsafe, or would take far more memory than its size.
    """
    try:
        check_container(path)
        weights = comfy.utils.load_torch_file(path, safe_load=True)
        if isinstance(weights, Mapping):
            check_held(weights, os.path.getsize(path))
            return weights
    except CostError as error:
        raise UnreadableFileError(f"it would cost far more than its size: {error}") from error
    except pickle.UnpicklingError as error:  # torch's own words advise to switch the safety off
        raise UnreadableFileError("it is damaged, or it would run code when opened, which is refused") from error
    except Exception as error:  # every container has its own complaints about a damaged file
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise UnreadableFileError(f"it cannot be read ({type(error).__name__}: {first_line})") from error
    raise UnreadableFileError("it holds no weights")


_checksums: WeakKeyDictionary[torch.nn.Module, int] = WeakKeyDictionary()


def checksum_of(network: torch.nn.Module) -> int:
    """Tell apart networks of one name by their weights."""
    if network not in _checksums:
        checksum = 0
        for tensor in network.state_dict().values():
            checksum = zlib.crc32(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy(), checksum)
        _checksums[network] = checksum
    return _checksums[network]
