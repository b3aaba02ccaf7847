"""A pack of somebody else's: an upscaler and two hooks for Hires Fix, whichever of the two is loaded first.

Node and address are the tests': they say what the hooks are to do, and tell what they were given.
"""

import sys
from pathlib import Path

import torch
from aiohttp import web
from server import PromptServer

FOLDER = Path(__file__).parent.name

_TODO, _KEPT, _SEEN = {}, {}, []


def connect_hires_fix(hires_fix):
    """Called by Hires Fix if it is loaded after this pack."""
    from .upscaler import make  # what it imports can be imported from now on

    assert hires_fix.VERSION >= 1
    hires_fix.register_upscaler(f"Negative of {FOLDER}", lambda: make(_TODO), scale=2)
    hires_fix.register_hook("before_hr", before_hr)
    hires_fix.register_hook("process_before_every_sampling", before_sampling)


def disconnect_hires_fix(hires_fix):
    hires_fix.unregister_upscaler(f"Negative of {FOLDER}")
    hires_fix.unregister_hook("before_hr", before_hr)
    hires_fix.unregister_hook("process_before_every_sampling", before_sampling)


def before_hr(run):
    _change(run, "before_hr")


def before_sampling(run):
    _change(run, "process_before_every_sampling")


AT_ONCE = "hires_fix_plugins" in sys.modules
if AT_ONCE:  # it was loaded before this pack
    connect_hires_fix(sys.modules["hires_fix_plugins"])


def _change(run, when):
    told = (run.number, run.width, run.height, run.sampler_name, run.scheduler, run.steps, run.denoising_strength)
    _SEEN.append([FOLDER, when, run.cfg, *told])
    for name, value in _TODO.get(when, {}).items():
        if name == "raise":
            raise KeyError(value)
        if name == "noise":
            run.noise.copy_(torch.randn(run.noise.shape, generator=torch.manual_seed(value)))
        elif name == "negate":  # in the clone that is this pass's own
            run.model.set_model_sampler_post_cfg_function(lambda given: -given["denoised"])
        else:
            setattr(run, name, _KEPT[value] if value == "kept" else value)


class Keep:
    """Keeps a prompt for the hooks, which set it where they are told `"positive": "kept"`."""

    RETURN_TYPES = ()
    FUNCTION = "keep"
    OUTPUT_NODE = True
    CATEGORY = "sample"
    DESCRIPTION = f"connected at once: {AT_ONCE}"

    @classmethod
    def INPUT_TYPES(cls):  # noqa: N802 - the host's name
        return {"required": {"positive": ("CONDITIONING",)}}

    def keep(self, positive):
        _KEPT["kept"] = positive
        return ()


NODE_CLASS_MAPPINGS = {f"Keep {FOLDER}": Keep}


@PromptServer.instance.routes.post(f"/{FOLDER}")
async def switch(request):
    """What the hooks do from now on, as JSON; with `"connected": false` there are none. Answers what they saw."""
    import hires_fix_plugins

    asked = await request.json()
    if _TODO.pop("connected", True):
        disconnect_hires_fix(hires_fix_plugins)
    if asked.setdefault("connected", True):
        connect_hires_fix(hires_fix_plugins)
    _TODO.clear()
    _TODO.update(asked)
    seen = list(_SEEN)
    _SEEN.clear()
    return web.json_response(seen)
