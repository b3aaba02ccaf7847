"""Loaded by the server of `dev.py fuzz`: it bounds that server's memory, and tells what comes out of a node."""

import json
import os

import psutil
import torch

try:
    import resource
except ImportError:  # Windows: the server is not bounded there
    resource = None

MOST_BYTES = "HIRES_FIX_FUZZ_BYTES"
"""Environment variable: bytes that the server may take beyond what it has when it loads this."""


def _bound_memory(most):
    """Refuse allocations beyond it, and let the host know: it would take the machine's whole memory for free.

    Address space is what the system can bound, so that is what is counted.
    """
    process, asked = psutil.Process(), psutil.virtual_memory
    limit = process.memory_info().vms + most
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def bounded():
        found = asked()
        return found._replace(available=max(0, min(found.available, limit - process.memory_info().vms)))

    psutil.virtual_memory = bounded


class FuzzSee:
    """Show, as JSON, shape and range of what is connected and how many of its values are no numbers."""

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802 - the host's name
        kinds = {"image": ("IMAGE",), "latent": ("LATENT",), "sigmas": ("SIGMAS",), "mask": ("MASK",)}
        return {"required": {}, "optional": kinds}

    def run(self, image=None, latent=None, sigmas=None, mask=None):
        (values,) = (each for each in (image, latent and latent["samples"], sigmas, mask) if each is not None)
        return {"ui": {"seen": [json.dumps(_facts(values))]}}


def _facts(values):
    fine = torch.isfinite(values)
    numbers = values[fine].float()
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (0.0, 0.0)
    return {"shape": list(values.shape), "not_finite": int((~fine).sum()), "low": low, "high": high}


if os.environ.get(MOST_BYTES):
    _bound_memory(int(os.environ[MOST_BYTES]))

NODE_CLASS_MAPPINGS = {"FuzzSee": FuzzSee}
