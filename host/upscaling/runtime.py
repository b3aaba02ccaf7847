"""Devices, memory, progress and cancelling for upscale models, in the host's hands."""

from __future__ import annotations

import comfy.model_management
import comfy.model_patcher
import comfy.utils
import torch
from comfy.cli_args import args

from ...hires.remaining_time import RemainingTime
from ...upscale_models import ModelUpscaler, Network, cpu_half_types
from ..ending import check_stage
from ..memory import free_on, is_out_of_memory
from ..progress import show_text


class HostRuntime:
    """The `upscale_models.Runtime` of a node that is being run.

    Models are wrapped in the host's patcher, so that its model management brings them to the device and takes them
    off again when a sampler needs the room.
    """

    def __init__(self) -> None:
        self._bar: comfy.utils.ProgressBar | None = None
        self._remaining = RemainingTime()
        self._ran_out = False

    @property
    def device(self) -> torch.device:
        return comfy.model_management.get_torch_device()

    @property
    def output_device(self) -> torch.device:
        return comfy.model_management.intermediate_device()

    def half_types(self) -> tuple[torch.dtype, ...]:
        """What the host would use for a diffusion model, and bfloat16 on CPUs that have it."""
        device = self.device
        if comfy.model_management.is_device_cpu(device):
            return () if args.force_fp32 else cpu_half_types()
        usable = {
            torch.float16: comfy.model_management.should_use_fp16(device),
            torch.bfloat16: comfy.model_management.should_use_bf16(device),
        }
        return tuple(dtype for dtype, use in usable.items() if use)

    def pictures_at_once(self) -> int:
        """1 on a CPU, which is slower with several, because they do not stay in its caches."""
        return 1 if comfy.model_management.is_device_cpu(self.device) else 16

    def prepare(self, upscaler: ModelUpscaler, memory_required_bytes: int) -> None:
        # waits for the device, and makes the next tiles ask the driver for memory again
        if self._ran_out or memory_required_bytes > free_on(self.device):
            comfy.model_management.soft_empty_cache()
            self._ran_out = False
        comfy.model_management.load_models_gpu([patcher_of(upscaler)], memory_required=memory_required_bytes)

    def free_memory(self) -> int | None:
        """What is free now, and what the models that can be moved off the device hold."""
        free = free_on(self.device)
        if not comfy.model_management.is_device_cpu(self.device):
            loaded = comfy.model_management.loaded_models()
            free += sum(model.loaded_size() for model in loaded if model.load_device == self.device)
        return free

    def is_out_of_memory(self, error: Exception) -> bool:
        ran_out = is_out_of_memory(error)
        self._ran_out |= ran_out  # what is free may lie in pieces
        return ran_out

    def progress(self, done: int, total: int) -> None:
        """Move the node's bar, show the time that is left, and stop when the user cancels."""
        if self._bar is None:
            self._bar = comfy.utils.ProgressBar(total)
        self._bar.update_absolute(done, total)
        show_text(self._remaining.text(done, total))
        check_stage()


def patcher_of(network: Network) -> comfy.model_patcher.ModelPatcher:
    """Return the host's handle on a model; descriptors of other loaders may come without one."""
    # where core's own loader keeps it, so that both nodes share one: an attribute that spandrel knows nothing of
    attributes = vars(network.descriptor)
    patcher = attributes.get("patcher")
    if patcher is None or _says_its_device(patcher.model):
        model = network.descriptor.model
        attributes["patcher"] = comfy.model_patcher.CoreModelPatcher(
            torch.nn.Sequential(model) if _says_its_device(model) else model,
            load_device=comfy.model_management.get_torch_device(),
            offload_device=comfy.model_management.unet_offload_device(),
        )
    return attributes["patcher"]


def _says_its_device(model: torch.nn.Module) -> bool:
    """Whether it has a `device` of its own, which the host fails to set: AuraSR."""
    own = getattr(type(model), "device", None)
    return isinstance(own, property) and own.fset is None
