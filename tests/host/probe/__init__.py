"""Test-only nodes for the real host: put any tensor into a graph, take any tensor out of it.

Files are safetensors in the host's input and output folders.
"""

import os

import folder_paths
import safetensors.torch
import torch


def _tensor(file, key):
    return safetensors.torch.load_file(os.path.join(folder_paths.get_input_directory(), file))[key]


class ProbeLatent:
    """A LATENT from a file: any shape, any values."""

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802 - the host's name
        return {"required": {"file": ("STRING", {}), "key": ("STRING", {})}, "optional": {"mask": ("MASK",)}}

    def run(self, file, key, mask=None):
        latent = {"samples": _tensor(file, key)}
        if mask is not None:
            latent["noise_mask"] = mask
        return (latent,)


class ProbeImage:
    """An IMAGE from a file."""

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"file": ("STRING", {}), "key": ("STRING", {})}}

    def run(self, file, key):
        return (_tensor(file, key),)


class ProbeConditioning:
    """A CONDITIONING from a file: `key` (1, tokens, width), and `key.pooled` where the model wants it."""

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"file": ("STRING", {}), "key": ("STRING", {})}}

    def run(self, file, key):
        tensors = safetensors.torch.load_file(os.path.join(folder_paths.get_input_directory(), file))
        extra = {"pooled_output": tensors[key + ".pooled"]} if key + ".pooled" in tensors else {}
        return ([[tensors[key], extra]],)


class ProbeNoise:
    """What a NOISE object draws for a latent, as a LATENT."""

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"noise": ("NOISE",), "latent": ("LATENT",)}}

    def run(self, noise, latent):
        return ({"samples": noise.generate_noise(latent)},)


class ProbeChanged:
    """A LATENT that another node has touched: the same numbers in a tensor of its own."""

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"latent": ("LATENT",)}}

    def run(self, latent):
        return ({**latent, "samples": latent["samples"].clone()},)


class ProbeSave:
    """Write what is connected to `<name>.safetensors` in the output folder."""

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        kinds = {"latent": ("LATENT",), "sigmas": ("SIGMAS",), "image": ("IMAGE",)}
        return {"required": {"name": ("STRING", {})}, "optional": kinds}

    def run(self, name, latent=None, sigmas=None, image=None):
        tensors = {"image": image, "sigmas": sigmas, "latent": latent and latent["samples"]}
        if latent and latent.get("noise_mask") is not None:
            tensors["mask"] = latent["noise_mask"]
        found = {key: torch.clone(value).contiguous().cpu() for key, value in tensors.items() if value is not None}
        path = os.path.join(folder_paths.get_output_directory(), name + ".safetensors")
        safetensors.torch.save_file(found, path)
        return {"ui": {"probe": [name + ".safetensors"]}}


NODE_CLASS_MAPPINGS = {
    cls.__name__: cls for cls in (ProbeLatent, ProbeImage, ProbeConditioning, ProbeNoise, ProbeChanged, ProbeSave)
}
