"""Test-only nodes for the real host: put any tensor into a graph, take any tensor out of it.

Files are safetensors in the host's input and output folders.
"""

import json
import os
import sys

import comfy.patcher_extension
import comfy.sd
import comfy.sdxl_clip
import comfy.supported_models_base
import folder_paths
import safetensors.torch
import torch


def _tensor(file, key):
    return safetensors.torch.load_file(os.path.join(folder_paths.get_input_directory(), file))[key]


def _pack_module(name):
    """A module of the pack under test, whatever folder it was loaded from."""
    found = [module for key, module in sys.modules.items() if key.endswith(f"hires-fix.{name}")]
    if not found:
        raise RuntimeError(f"the pack has not loaded {name}")
    return found[0]


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


class ProbeFaceLandmarks:
    """FACE_LANDMARKS as core's detector makes them, from a file: the mesh `key` (faces, 478, 2) in pixels of pictures
    of `width` and `height`. `frames` is JSON: for every picture how many of the faces are its.
    """

    RETURN_TYPES = ("FACE_LANDMARKS",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        sizes = {"width": ("INT", {"max": 9999}), "height": ("INT", {"max": 9999})}
        return {"required": {"file": ("STRING", {}), "key": ("STRING", {}), "frames": ("STRING", {}), **sizes}}

    def run(self, file, key, frames, width, height):
        meshes = iter(_tensor(file, key).numpy())
        found = [[self._face(next(meshes)) for _ in range(count)] for count in json.loads(frames)]
        return ({"frames": found, "image_size": (height, width), "connection_sets": {}},)

    @staticmethod
    def _face(mesh):
        corners = [*mesh.min(0), *mesh.max(0)]
        box = {"bbox_xyxy": torch.tensor(corners).numpy(), "landmarks_xy": mesh}
        more = {"blendshapes": {}, "landmarks_3d": None, "presence": 9.0, "score": 0.9, "transformation_matrix": None}
        return {**box, **more}


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


class ProbePrompt:
    """A CONDITIONING from a file as the pack's prompt node makes it: entries that say when and how much they apply.

    `parts` is JSON: a list of {"key", "group", "weight", "first", "last"}, see `hires.prompts.PromptPart`. Shorter
    entries repeat their last vector. `empty` is the empty prompt, to be padded with.
    """

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        required = {"file": ("STRING", {}), "parts": ("STRING", {})}
        return {"required": required, "optional": {"empty": ("CONDITIONING",)}}

    def run(self, file, parts, empty=None):
        prompts, text = _pack_module("hires.prompts"), _pack_module("host.text")
        extra = {text.EMPTY_KEY: empty[0][0]} if empty else {}
        parts = json.loads(parts)
        conds = [_tensor(file, part["key"]) for part in parts]
        length = max(cond.shape[1] for cond in conds)
        entries = []
        for part, cond in zip(parts, conds, strict=True):
            cond = torch.cat([cond, cond[:, -1:].expand(-1, length - cond.shape[1], -1)], dim=1)
            when = prompts.PromptPart(part["group"], part["weight"], part["first"], part["last"])
            entries.append([cond, {**extra, prompts.PART_KEY: when}])
        return (entries,)


class ProbeTinySDXLClip:
    """A CLIP of the SDXL family with random weights: encoders 32 and 48 wide in place of 768 and 1280."""

    RETURN_TYPES = ("CLIP",)
    FUNCTION = "run"
    CATEGORY = "probe"
    WIDTHS = (32, 48)

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {}}

    def run(self):
        options = {"dtype": torch.float32}
        for name, width in zip("lg", self.WIDTHS, strict=True):
            size = {"hidden_size": width, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 3}
            options[f"clip_{name}_model_config"] = size
        target = comfy.supported_models_base.ClipTarget(comfy.sdxl_clip.SDXLTokenizer, comfy.sdxl_clip.SDXLClipModel)
        clip = comfy.sd.CLIP(target, model_options=options)
        generator = torch.Generator().manual_seed(0)
        random = {
            key: torch.randn(value.shape, generator=generator) * 0.3
            for key, value in clip.cond_stage_model.state_dict().items()
        }
        clip.cond_stage_model.load_state_dict(random, assign=clip.patcher.is_dynamic())
        return (clip,)


class ProbeSaveConditioning:
    """Write a CONDITIONING to `<name>.safetensors`: of entry i the tensor as "i", `pooled_output` as "i.pooled",
    its PromptPart as "i.part" (group, weight, first step, last step), its share of the sampling as "i.percent" and
    the empty prompt that it brings along as "i.empty".
    """

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"name": ("STRING", {}), "conditioning": ("CONDITIONING",)}}

    def run(self, name, conditioning):
        tensors = {}
        for i, (tensor, extra) in enumerate(conditioning):
            tensors[f"{i}"] = tensor
            tensors[f"{i}.pooled"] = extra.get("pooled_output")
            tensors[f"{i}.empty"] = extra.get("hires_fix_empty_prompt")
            part = extra.get("hires_fix_part")
            if part is not None:
                span = (part.group, part.weight, part.first_step, part.last_step)
                tensors[f"{i}.part"] = torch.tensor(span, dtype=torch.float64)
            if "start_percent" in extra:
                tensors[f"{i}.percent"] = torch.tensor((extra["start_percent"], extra["end_percent"]))
        found = {key: torch.clone(value).contiguous().cpu() for key, value in tensors.items() if value is not None}
        path = os.path.join(folder_paths.get_output_directory(), name + ".safetensors")
        safetensors.torch.save_file(found, path)
        return {"ui": {"probe": [name + ".safetensors"]}}


class ProbeCalls:
    """A MODEL that writes down the sigma, and the model's own timestep, of every denoiser call."""

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "run"
    CATEGORY = "probe"
    calls = {}  # noqa: RUF012 - name -> list of (sigma, timestep), shared with ProbeSaveCalls

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"model": ("MODEL",), "name": ("STRING", {})}}

    def run(self, model, name):
        found = self.calls[name] = []

        def note(executor, x, timestep, *args, **kwargs):
            sampling = executor.class_obj.model_patcher.get_model_object("model_sampling")
            sigma = timestep.reshape(-1)[:1].float().cpu()
            found.append((float(sigma), float(sampling.timestep(sigma))))
            return executor(x, timestep, *args, **kwargs)

        model = model.clone()
        model.add_wrapper_with_key(comfy.patcher_extension.WrappersMP.PREDICT_NOISE, "probe", note)
        return (model,)


class ProbeSaveCalls:
    """Write what ProbeCalls noted, as "sigmas" and "timesteps"; `after` is the latent that the model made."""

    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"name": ("STRING", {}), "after": ("LATENT",)}}

    def run(self, name, after):
        found = torch.tensor(ProbeCalls.calls.pop(name, []), dtype=torch.float64).reshape(-1, 2)
        tensors = {"sigmas": found[:, 0].contiguous(), "timesteps": found[:, 1].contiguous()}
        safetensors.torch.save_file(tensors, os.path.join(folder_paths.get_output_directory(), name + ".safetensors"))
        return {"ui": {"probe": [name + ".safetensors"]}}


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
    """A LATENT that another node has touched: the same numbers in a tensor of its own, and with `only_samples` nothing
    else of the LATENT.
    """

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "run"
    CATEGORY = "probe"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802
        return {"required": {"latent": ("LATENT",)}, "optional": {"only_samples": ("BOOLEAN", {"default": False})}}

    def run(self, latent, only_samples=False):
        return ({**({} if only_samples else latent), "samples": latent["samples"].clone()},)


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
    cls.__name__: cls
    for cls in (
        ProbeLatent,
        ProbeImage,
        ProbeFaceLandmarks,
        ProbeConditioning,
        ProbePrompt,
        ProbeCalls,
        ProbeSaveCalls,
        ProbeNoise,
        ProbeChanged,
        ProbeSave,
        ProbeTinySDXLClip,
        ProbeSaveConditioning,
    )
}
