"""What the server says of a graph before it runs is what the run then does."""

import io
import json
import re
import urllib.error
import urllib.request

import pytest
from hires_pack.recipes import library
from PIL import Image

from .graphs import Graph, nodes_of, set_everywhere
from .test_families import hires_fix
from .test_workflows import NOT_SMALL, OF_FOLDERS, public_models, small  # noqa: F401 - a fixture that works by itself


def ask(host, body):
    """Status and answer of the route; `body` is bytes, or the graph."""
    content = body if isinstance(body, bytes) else json.dumps({"prompt": body}).encode()
    request = urllib.request.Request(f"{host.url}/hires-fix/plan", content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.loads(answer.read())


def plan(host, graph):
    status, said = ask(host, graph)
    assert status == 200
    return said


# ---- the saved workflows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(library.WORKFLOWS) - {*OF_FOLDERS, *NOT_SMALL, "xy-sheet"}))
def test_the_size_of_every_saved_workflow_is_told(name, host, client, models):
    """The recipes' sizes are what the runs really give, see test_workflows.py."""
    graph = small(name, client, host, models)
    said = plan(host, graph)
    width, height = library.WORKFLOWS[name].size
    sizes = [one["text"].split(",")[0].split(" in ")[0] for one in said.values()]
    assert any(size.endswith(f"{width}×{height}") for size in sizes), sizes
    assert {one["warning"] for one in said.values()} == {None}
    ours = {"TargetSize", "LatentUpscale", "PixelUpscale", "Renoise", "SecondSampling", "UpscaleImage"}
    told = {graph[node]["class_type"].removeprefix("HiresFix") for node in said}
    ours |= {
        "DiffusionUpscaler",
        "SeedVR2Upscaler",
        "MultiStageUpscale",
        "SplitTiles",
        "EncodeTiles",
        "CombineTiles",
        "PutRegionsBack",
        "TiledModel",
    }
    assert told == ours & {node["class_type"].removeprefix("HiresFix") for node in graph.values()}


def test_the_words_on_the_nodes(host, client, models):
    graph = small("hires-fix-pixel", client, host, models)
    (loader,), (upscale,) = nodes_of(graph, "HiresFixUpscalerLoader"), nodes_of(graph, "HiresFixPixelUpscale")
    graph[loader]["inputs"]["upscaler_name"] = models.esrgan_x4
    graph[upscale]["inputs"] |= {"tile_size": 64, "tile_overlap": 8}
    set_everywhere(graph, denoising_strength=0.4)
    texts = {graph[node]["class_type"]: one["text"] for node, one in plan(host, graph).items()}
    assert texts == {
        "HiresFixTargetSize": "128×64 → 256×128",
        # 4x and then a resize to half, whose support adds 3 to the overlap of 8: tiles of 64 begin every 42 pixels
        "HiresFixPixelUpscale": "128×64 → 256×128, 3 tiles",
        "HiresFixRenoise": "2 of 5 steps",
        "HiresFixSecondSampling": "2 steps at 256×128",
    }
    graph[upscale]["inputs"]["tile_size"] = 0
    assert plan(host, graph)[upscale]["text"] == "128×64 → 256×128, 1 tile"
    (target,) = nodes_of(graph, "HiresFixTargetSize")
    graph[target]["inputs"]["hr_scale"] = 4.0
    with_memory = plan(host, graph)[upscale]["text"]
    assert re.fullmatch(r"128×64 → 512×256, (1 tile|about \d+ tiles)", with_memory)


# ---- told and done --------------------------------------------------------------------------------------------------

WAYS = [
    ("DPM++ 2M", "Automatic", 0.7, 0),
    ("Euler a", "Karras", 0.4, 2),
    ("DPM2 a", "Automatic", 0.5, 0),
    ("DDIM", "Automatic", 0.5, 0),
    ("PLMS", "Automatic", 0.6, 4),
    ("UniPC", "Automatic", 0.6, 4),
    ("euler", "simple", 0.35, 0),
    ("dpmpp_2m", "karras", 1.0, 0),
    ("dpm_2", "sgm_uniform", 0.5, 0),
]


def test_as_many_steps_are_told_as_are_run(host, client, models):
    graph, _ = hires_fix(host, models, "sd1", "latent", 0.6)
    (renoise,), (second,) = nodes_of(graph, "HiresFixRenoise"), nodes_of(graph, "HiresFixSecondSampling")
    ends = []
    for number, (sampler, scheduler, strength, own) in enumerate(WAYS):
        first, last = f"renoise{number}", f"second{number}"
        graph[first], graph[last] = json.loads(json.dumps([graph[renoise], graph[second]]))
        changes = {"denoising_strength": strength, "hr_second_pass_steps": own, "steps": 3}
        graph[first]["inputs"] |= {"sampler_name": sampler, "scheduler": scheduler, **changes}
        links = {"latent": [first, 0], "sigmas": [first, 1]}
        graph[last]["inputs"] |= {"sampler_name": sampler, **links}
        graph[f"save{number}"] = {"class_type": "ProbeSave", "inputs": {"name": last, "latent": [last, 0]}}
        ends.append(last)
    run = client.queue(graph).require_success()
    done = [max(most for node, _, most in run.progress if node == last) for last in ends]
    said = plan(host, graph)
    told = [int(re.match(r"(\d+) steps? at ", said[last]["text"])[1]) for last in ends]
    assert told == done


@pytest.mark.parametrize("family", ["sd3", "flux", "wan", "sdxl"])
def test_the_cell_of_a_vae_is_told_by_its_file(family, host, client, models):
    graph = Graph()
    loader = graph.add("CheckpointLoaderSimple", ckpt_name=models.checkpoint(family))
    sides = {"width": 520, "height": 264, "hr_scale": 1.03, "hr_resize_x": 0, "hr_resize_y": 0}
    target = graph.add("HiresFixTargetSize", **sides, vae=loader[2])
    shows = [graph.add("PreviewAny", source=target[index]) for index in (1, 2)]
    run = client.queue(graph).require_success()
    width, height = (run.outputs[show.id]["text"][0] for show in shows)
    assert plan(host, graph) == {target.id: {"text": f"520×264 → {width}×{height}", "warning": None}}


def test_a_picture_that_its_file_turns_has_its_upright_size(host, client):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.new("RGB", (60, 40)).save(file, "JPEG", exif=exif)
    name = client.upload_image(file.getvalue(), "turned.jpg")
    for kind, more in (("LoadImage", {}), ("HiresFixLoadImage", {"channels": "RGB and mask"})):
        graph = Graph()
        picture = graph.add(kind, image=name, **more)
        size = graph.add("GetImageSize", image=picture)
        target = graph.add("HiresFixTargetSize", width=size, height=size[1], hr_scale=2.0, hr_resize_x=0, hr_resize_y=0)
        graph.add("PreviewAny", source=target[1])
        assert plan(host, graph)[target.id]["text"] == "40×60 → 80×120"
        run = client.queue(graph).require_success()
        (shown,) = (output["text"][0] for output in run.outputs.values() if "text" in output)
        assert shown == "80"


@pytest.mark.parametrize(
    ("changes", "tiles"),
    [
        ({"upscaling_resize": 1.37}, 1),
        # 240 is more than twice 101: 133x101 in 1 tile, then 266x202 in 4 of 192
        ({"resize_mode": "scale to", "upscaling_crop": True}, 5),
        ({"resize_mode": "scale to", "upscaling_crop": False}, 5),
        ({"max_side": 200}, 1),
    ],
)
@pytest.mark.parametrize("upscaler", ["Lanczos", "None", "model"])
def test_sizes_with_a1111s_numbers(upscaler, changes, tiles, host, client, models):
    graph = small("standalone-upscale", client, host, models)
    (loader,), (upscale,) = nodes_of(graph, "HiresFixUpscalerLoader"), nodes_of(graph, "HiresFixUpscaleImage")
    graph[loader]["inputs"]["upscaler_name"] = models.random_x2 if upscaler == "model" else upscaler
    sides = {"upscaling_resize_w": 250, "upscaling_resize_h": 240}
    graph[upscale]["inputs"] |= {"numbers": "A1111", "tile_overlap": -1, **sides, **changes}
    run = client.queue(graph).require_success()
    (picture,) = run.images(nodes_of(graph, "SaveImage")[0])
    ending = f", {tiles} tile{'s' if tiles > 1 else ''}" if upscaler == "model" else ""
    with Image.open(io.BytesIO(picture)) as image:
        assert plan(host, graph)[upscale]["text"] == f"133×101 → {image.width}×{image.height}{ending}"


def test_the_pictures_of_a_folder_are_counted(host, client, models):
    graph = small("upscale-folder", client, host, models)
    (upscale,) = nodes_of(graph, "HiresFixUpscaleFolder")
    inside = host.base / "input" / "counted" / "inside"
    inside.mkdir(parents=True)
    for path in (inside.parent / "a.png", inside.parent / "b.JPG", inside.parent / "c.txt", inside / "d.png"):
        path.touch()
    inputs = graph[upscale]["inputs"]
    inputs |= {"input_folder": "counted", "recursive": False}
    assert plan(host, graph) == {upscale: {"text": "2 pictures → 2×", "warning": None}}
    inputs["recursive"] = True
    assert plan(host, graph)[upscale]["text"] == "3 pictures → 2×"
    inputs["workers"] = "house"
    assert plan(host, graph)[upscale]["text"] == "3 pictures → 2×, by house"
    inputs["include"] = "*.gif"
    assert "'*.gif'" in plan(host, graph)[upscale]["warning"]


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ({"input_folder": "/etc"}, "'/etc' is not inside ComfyUI's input or output folder"),
        ({"input_folder": "../models"}, "is not inside ComfyUI's input or output folder"),
        ({"input_folder": "absent"}, "there is no folder 'absent'"),
        ({"output_folder": "/tmp"}, "is not inside ComfyUI's output folder"),
        ({"input_folder": "same [output]", "output_folder": "same"}, "results cannot go into the folder that is read"),
        ({"include": " , "}, "there is no pattern"),
    ],
)
def test_a_folder_that_the_run_refuses_is_told(folders, words, host, client, models):
    graph = small("upscale-folder", client, host, models)
    (upscale,) = nodes_of(graph, "HiresFixUpscaleFolder")
    graph[upscale]["inputs"] |= folders
    said = plan(host, graph)[upscale]
    assert said["text"] == "stops with an error"
    assert words in said["warning"]
    assert words in client.queue(graph).explanation()


# ---- warnings -------------------------------------------------------------------------------------------------------


def test_what_memory_does_not_hold_is_warned_of(host, client, models):
    graph = small("hires-fix-pixel", client, host, models)
    (empty,) = nodes_of(graph, "EmptyLatentImage")
    set_everywhere(graph, width=1024, height=1024)
    graph[empty]["inputs"]["batch_size"] = 4096
    (upscale,) = nodes_of(graph, "HiresFixPixelUpscale")
    # 4096 pictures of 2048x2048 three times: 618 GB
    assert "4096 pictures of 2048×2048 pixels will need about 618" in plan(host, graph)[upscale]["warning"]


def test_a_checkpoint_tells_what_it_was_trained_at(host, client, models):
    graph = small("hires-fix-latent", client, host, models)
    set_everywhere(graph, width=2064, height=2064)
    (second,) = nodes_of(graph, "HiresFixSecondSampling")
    assert "65 times the 512x512 that the model was trained at" in plan(host, graph)[second]["warning"]


# ---- odd requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b"5", b"{}", b'{"prompt": null}', b'{"prompt": [1]}', b"NaN"],
    ids=["nothing", "cut", "deep", "bytes", "list", "number", "empty", "null", "no-graph", "nan"],
)
def test_a_body_that_is_no_graph_is_answered_with_nothing(body, host):
    assert ask(host, body) == (200, {})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({str(index): {"class_type": "Any", "inputs": {}} for index in range(50_000)}, "50000 nodes"),
        (b" " * (2**22 + 1), "more than 4194304 bytes"),
    ],
    ids=["nodes", "bytes"],
)
def test_a_graph_that_is_too_large_is_refused(body, words, host):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(host, body)
    assert caught.value.code == 413
    assert words in json.load(caught.value)["error"]


def test_why_a_picture_has_no_text_is_told(host, client, models):
    graph = small("multi-stage-upscale", client, host, models)
    (save,) = nodes_of(graph, "SaveImage")
    graph[save] = {"class_type": "HiresFixSaveImage", "inputs": graph[save]["inputs"]}
    assert plan(host, graph)[save] == {"text": "no A1111 text: two second passes", "warning": None}


@pytest.mark.parametrize(
    "change",
    [
        {"latent": ["19", 0]},
        {"latent": ["999", 0]},
        {"latent": ["12", 7]},
        {"latent": "text", "target": None},
        {"target": {"a": 1}, "tile_size": "x"},
    ],
    ids=["cycle", "absent", "no-such-output", "text", "objects"],
)
def test_a_graph_that_is_odd_in_one_place_is_answered(change, host, client, models):
    graph = small("hires-fix-a1111", client, host, models)
    (upscale,) = nodes_of(graph, "HiresFixPixelUpscale")
    graph[upscale]["inputs"] |= change
    (target,) = nodes_of(graph, "HiresFixTargetSize")
    assert plan(host, graph)[target]["text"] == "128×64 → 256×128"


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "absent.png", "", "a\0b.png", "models [temp]"])
def test_files_outside_of_the_input_folder_are_not_looked_at(name, host):
    Image.new("RGB", (60, 40)).save(host.base / "secret.png")
    graph = Graph()
    graph.add("HiresFixSecondSampling", latent=graph.add("EmptyLatentImage", width=64, height=64))
    picture = graph.add("LoadImage", image=name)
    graph.add("HiresFixUpscaleImage", image=picture, resize_mode="scale by", upscaling_resize=2.0, upscaling_crop=True)
    assert [one["text"] for one in plan(host, graph).values()] == ["64×64"]


@pytest.mark.parametrize("broken", ["truncated", "renamed", "pickled_code", "unknown"])
def test_a_model_file_that_cannot_be_used_gives_no_number_of_tiles(broken, host, client, models):
    graph = small("standalone-upscale", client, host, models)
    (loader,), (upscale,) = nodes_of(graph, "HiresFixUpscalerLoader"), nodes_of(graph, "HiresFixUpscaleImage")
    graph[loader]["inputs"]["upscaler_name"] = getattr(models, broken)
    graph[upscale]["inputs"]["tile_size"] = 64
    assert plan(host, graph)[upscale]["text"] == "133×101 → 266×202"
