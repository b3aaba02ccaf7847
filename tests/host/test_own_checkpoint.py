"""Saved workflows for somebody who has one checkpoint of their own and nothing else.

Each runs once that is chosen, or the host's refusal names the one kind of file that is missing, and the editor's file
says where to get it. The pictures are those that the pack puts into the input folder.
"""

import io
import json
import re

import pytest
from hires_pack.dev.generate.build_workflows import WORKFLOWS
from hires_pack.dev.generate.record_node_defs import FILE_NAME
from hires_pack.dev.host.comfy_client import ComfyClient
from hires_pack.dev.host.comfyui_host import ComfyUIHost
from hires_pack.hires.graph import models as public
from hires_pack.hires.graph.models import DETAIL_LORA, FACE_DETECTION, GFPGAN, TILE_CONTROLNET
from hires_pack.recipes import library
from hires_pack.upscale_models.shipped import WEIGHTS
from PIL import Image

from .conftest import ENVIRONMENT
from .graphs import api_workflow, nodes_of, set_everywhere

OWN = "my_model.safetensors"

TO_GET = {
    "hires-fix-controlnet": {TILE_CONTROLNET.name},
    "hires-fix-other-model": {DETAIL_LORA.name},
    "redraw-faces": {FACE_DETECTION.name},
    "restore-faces": {GFPGAN.name, FACE_DETECTION.name},
    "tiled-redraw": {TILE_CONTROLNET.name},
    "tiled-redraw-controlnet": {TILE_CONTROLNET.name},
    "tiled-redraw-flux": {public.FLUX_UPSCALER_CONTROLNET.name},
    "tiled-redraw-sdxl": {public.SDXL_TILE_CONTROLNET.name},
    "upscale-aurasr": {public.AURASR.name},
    "upscale-ldsr": {public.LDSR.name},
    "upscale-pid": {public.PID.name, public.PID_TEXT.name, public.FLUX_VAE.name},
    "upscale-seedvr2": {public.SEEDVR2.name, public.SEEDVR2_VAE.name},
    "upscale-supir": {public.SUPIR.name},
}
"""What the others do without."""


@pytest.fixture(scope="module")
def fresh(models, tmp_path_factory):
    """A host whose input folder is new, with that checkpoint alone."""
    own = tmp_path_factory.mktemp("own") / OWN
    (demo,) = (path for path in models.files.checkpoints if path.name == models.demo)
    own.symlink_to(demo)
    with ComfyUIHost(models={"checkpoints": [own]}, env=ENVIRONMENT) as server:
        yield server


def refused(run):
    """The files that the host does not have, by its own words, which may name those that it has."""
    there = {OWN, *(path.name for path in WEIGHTS.iterdir())}
    return {name for name in re.findall(r"[\w.-]+", run.explanation()) if FILE_NAME.search(name)} - there


@pytest.mark.parametrize("name", sorted(set(library.WORKFLOWS) - {"upscale-folder"}))
def test_it_runs_with_the_own_checkpoint_or_says_what_to_get(name, fresh):
    client = ComfyClient(fresh.url)
    graph = api_workflow(name)
    loaders = nodes_of(graph, "CheckpointLoaderSimple")
    set_everywhere(graph, steps=2, width=128, height=64)
    if nodes_of(graph, "HiresFixLoadImage") + nodes_of(graph, "LoadImage"):
        to = {"upscaling_resize_w": 96, "upscaling_resize_h": 64, "hr_resize_x": 96, "hr_resize_y": 64}
        set_everywhere(graph, resize_mode="scale to", **to)
    if loaders:
        before = client.queue(graph)
        assert before.status == "rejected"
        assert refused(before) >= {graph[node_id]["inputs"]["ckpt_name"] for node_id in loaders}
        set_everywhere(graph, ckpt_name=OWN)
    run = client.queue(graph)
    missing = TO_GET.get(name, set())
    if not missing:
        run.require_success()
        (node_id,) = nodes_of(graph, "SaveImage") or nodes_of(graph, "HiresFixSaveImage")
        (picture,) = run.images(node_id)
        assert min(Image.open(io.BytesIO(picture)).size) >= 64
        return
    assert run.status == "rejected"
    assert refused(run) == missing
    text = (WORKFLOWS / f"{library.WORKFLOWS[name].title}.json").read_text(encoding="utf-8")
    listed = [model for found in re.findall(r'"models": (\[.*?\])', text, re.DOTALL) for model in json.loads(found)]
    assert missing <= {model["name"] for model in listed if model["url"] and model["directory"]}
