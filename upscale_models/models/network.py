"""Networks of any kind, recognised and loaded by spandrel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from spandrel import (
    MAIN_REGISTRY,
    ArchRegistry,
    ImageModelDescriptor,
    ModelLoader,
    UnsupportedModelError,
    canonicalize_state_dict,
)

from .cost import CostError, within_its_size


class NetworkError(Exception):
    """Weights that no network can be built of: why, as the end of a sentence about them."""


@dataclass(frozen=True, eq=False)
class Network:
    """A loaded network for single pictures."""

    name: str

    descriptor: ImageModelDescriptor[torch.nn.Module]
    """Spandrel's; ComfyUI's loader adds `patcher` to it. Its float range is [0, 1] on both sides."""

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, and so of what goes in and comes out."""
        return self.descriptor.dtype


def load_network(
    state_dict: Mapping[str, Any], registry_for: Callable[[Mapping[str, Any]], ArchRegistry] = lambda _: MAIN_REGISTRY
) -> object:
    """Recognise the architecture and build the network, on the CPU in float32: spandrel's descriptor.

    Args:
        state_dict: what a file holds, also below a `params_ema` or similar key or with `module.` before every key.
            Not changed.
        registry_for: where to look for the architecture of these weights; may raise `NetworkError`.

    Raises:
        NetworkError: empty, unknown to spandrel, or damaged.
    """
    if not isinstance(state_dict, Mapping) or not state_dict:
        raise NetworkError("it holds no weights")
    try:
        # a copy, because some of spandrel's loaders change entries
        weights = dict(canonicalize_state_dict(dict(state_dict)))
        registry = registry_for(weights)
        with within_its_size(weights):
            return ModelLoader(registry=registry).load_from_state_dict(weights)
    except NetworkError:
        raise
    except CostError as error:
        raise NetworkError(str(error)) from error
    except UnsupportedModelError as error:
        raise NetworkError(f"spandrel knows no architecture with its {len(state_dict)} keys") from error
    except Exception as error:  # whatever a loader trips over in weights that only look like its own
        first_line = (str(error).splitlines() or [""])[0]
        raise NetworkError(f"its weights do not fit together ({type(error).__name__}: {first_line})") from error
