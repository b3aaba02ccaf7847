"""A1111's generation text on the real host: saved with pictures, as a node, and turned into workflows by the server."""

import hashlib
import io
import json
import os
import struct
import urllib.error
import urllib.request
import uuid

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures.loras import lora_tensors
from hires_pack.hires.errors import InputError
from hires_pack.hires.graph.to_api import to_api
from hires_pack.hires.infotext.from_graph.read import read_graph
from hires_pack.hires.infotext.text import parse
from hires_pack.hires.infotext.to_graph.loaders import ModelFiles
from hires_pack.hires.infotext.to_graph.workflow import hires_workflow
from hires_pack.pictures import FileFacts, Picture, write_picture
from hires_pack.tests import png_by_hand
from hires_pack.tests.plain_numbers import pairs
from PIL import Image
from safetensors.torch import save

from .graphs import ROOT, nodes_of

DATA = ROOT / "tests" / "data"
CASES = json.loads((DATA / "oracle-infotexts" / "cases.json").read_text(encoding="utf-8"))
ODD = json.loads((DATA / "odd-infotexts" / "texts.json").read_text(encoding="utf-8"))

UPSCALERS = [f"tiny_{name}.safetensors" for name in ("rrdb_x4", "rrdb_x2", "compact_x2")]
"""Files of the recorded cases; others could not be found by the names in their texts."""

SETTINGS = "Steps: 1, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 5, Size: 64x64"
MODEL = "Model hash: 9189f6453a, Model: tiny_sd15"
"""The first digits of `oracle.SHA256`."""
QUICK = f"a cat\nNegative prompt: fog\n{SETTINGS}, {MODEL}, RNG: CPU"


def graph_of(text, **save_options):
    """The graph that draws a text's picture; returns it and the id of its one Save Image (16-bit, ICC)."""
    graph = to_api(hires_workflow(text, ModelFiles(upscalers=UPSCALERS)).graph)
    (node,) = [name for name, node in graph.items() if node["class_type"] in ("SaveImage", "HiresFixSaveImage")]
    graph[node] = saving(graph[node]["inputs"]["images"], **save_options)
    return graph, node


def saving(images, **options):
    """A Save node with a prefix of its own."""
    fields = {"format": "png", "bit_depth": "auto", "quality": 95, **options}
    inputs = {"images": images, "filename_prefix": uuid.uuid4().hex, **fields}
    return {"class_type": "HiresFixSaveImage", "inputs": inputs, "_meta": {"title": "Save"}}


def parameters(content):
    """A1111's text in a file, found without the pack."""
    image = Image.open(io.BytesIO(content))
    if image.format == "PNG":
        return image.text.get("parameters")
    comment = image.getexif().get_ifd(0x8769).get(0x9286)
    return comment and comment.removeprefix(b"UNICODE\0").decode("utf-16-be")


def saved_texts(host, run, node):
    places = run.require_success().outputs[node]["files"]
    return [parameters((host.base / "output" / place["filename"]).read_bytes()) for place in places]


def version(client):
    """What the texts say last."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pack = next(line.split('"')[1] for line in project.splitlines() if line.startswith("version = "))
    return f"hires-fix {pack} (ComfyUI {client.system_stats()['system']['comfyui_version']})"


def set_batch(graph, size):
    (empty,) = nodes_of(graph, "EmptyLatentImage")
    graph[empty]["inputs"]["batch_size"] = size


# ---- saved with the picture -----------------------------------------------------------------------------------------


def comparable(text):
    """Prompts and parameters but for the version."""
    infotext = parse(text)
    told = pairs(found for found in infotext.parameters if found.key != "Version")
    return infotext.prompt, infotext.negative_prompt, told


def test_a_recorded_text_is_drawn_and_saved_again(host, client):
    """One at its own size, with the version; the others: test_recorded_texts.py."""
    text = CASES["zero-snr"]["infotexts"][-1]
    graph, node = graph_of(text)
    (written,) = saved_texts(host, client.queue(graph), node)
    assert comparable(written) == comparable(text)
    assert written.endswith(f", Version: {version(client)}")


@pytest.fixture
def twin(host, models):
    """The same checkpoint under another name."""
    folder = host.base / "models" / "checkpoints"
    (folder / "twin.safetensors").symlink_to(folder / models.oracle)
    yield "twin [9189f6453a]"
    (folder / "twin.safetensors").unlink()


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_each_picture_of_a_batch_has_its_own_text_to_the_letter(format, twin, host, client):
    line = (
        f"{SETTINGS}, {MODEL}, Denoising strength: 0.5, RNG: CPU, Hires checkpoint: {twin}, Hires upscale: 1.5, "
        f"Hires upscaler: Latent, Refiner: {twin}, Refiner switch at: 0.5"
    )
    text = f"ein Küken, 木\nNegative prompt: fog\n{line}"
    graph, node = graph_of(text, format=format)
    set_batch(graph, 2)
    written = saved_texts(host, client.queue(graph), node)
    assert written == [f"{text}, Version: {version(client)}".replace("Seed: 5", f"Seed: {seed}") for seed in (5, 6)]


def test_comfyuis_noise_has_one_seed_for_the_batch(host, client):
    graph, node = graph_of(QUICK.replace("RNG: CPU", "RNG: ComfyUI"))
    set_batch(graph, 2)
    texts = saved_texts(host, client.queue(graph), node)
    assert [parse(text).get("Seed") for text in texts] == ["5", "5"]


def test_what_is_linked_comes_first_and_the_files_text_last(host, client):
    name = place(host, "input", png((b"tEXt", b"parameters\0of the file")))
    graph, node = graph_of(QUICK)
    graph["load"] = {"class_type": "HiresFixLoadImage", "inputs": {"image": name, "channels": "as in the file"}}
    graph["text"] = {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "mine"}}
    drawn, info = graph[node]["inputs"]["images"], ["load", 2]
    graph["linked"] = saving(drawn, file_info=info, parameters=["text", 0])
    graph["drawn"] = saving(drawn, file_info=info)
    graph["off"] = saving(drawn, file_info=info, write_infotext=False)
    graph["none"] = saving(drawn, write_infotext=False)
    graph["loaded"] = saving(["load", 0], file_info=info)
    run = client.queue(graph)
    linked, drawn, off, none, loaded = (
        saved_texts(host, run, name)[0] for name in ("linked", "drawn", "off", "none", "loaded")
    )
    assert drawn == f"{QUICK}, Version: {version(client)}"
    assert (linked, off, none, loaded) == ("mine", "of the file", None, "of the file")
    assert "Node loaded saves no infotext of its own: no Base Sampling or Second Sampling leads" in host.log()


def place(host, folder, content, ending="png"):
    """Put a file into one of the server's folders; returns its name."""
    name = f"{uuid.uuid4().hex}.{ending}"
    (host.base / folder).mkdir(parents=True, exist_ok=True)
    (host.base / folder / name).write_bytes(content)
    return name


def test_networks_are_named_with_their_hashes(host, client):
    tensors = lora_tensors(1)
    said = place(host, "models/loras", save(tensors, {"sshs_model_hash": "ab" * 32}), "safetensors")
    content = save(tensors, {"made": "today"})
    bare = place(host, "models/loras", content, "safetensors")
    embedding = place(host, "models/embeddings", save({"emb_params": torch.ones(1, 768)}), "safetensors")
    said, bare, word = (name.removesuffix(".safetensors") for name in (said, bare, embedding))
    prompt = f"a cat, ({word}:1.1), <lora:{said}:0.5>, <lora:{bare}:1>"
    (header,) = struct.unpack("<Q", content[:8])
    behind_header = hashlib.sha256(content[8 + header :]).hexdigest()
    whole = hashlib.sha256((host.base / "models" / "embeddings" / embedding).read_bytes()).hexdigest()
    hashes = f'Lora hashes: "{said}: abababababab, {bare}: {behind_header[:12]}", TI hashes: "{word}: {whole[:12]}"'
    graph, node = graph_of(f"{prompt}\n{SETTINGS}, {MODEL}, RNG: CPU, {hashes}")
    assert len(nodes_of(graph, "HiresFixPromptLoras")) == 1
    (written,) = saved_texts(host, client.queue(graph), node)
    assert written == f"{prompt}\n{SETTINGS}, {MODEL}, RNG: CPU, {hashes}, Version: {version(client)}"


def test_styles_and_chosen_files_are_in_the_text(host, client):
    """The prompt with its styles and with the tag of a LoRA from the list, as A1111 writes them; the VAE's name."""
    (host.base / "models" / "styles").mkdir(parents=True, exist_ok=True)
    (host.base / "models" / "styles" / "text.csv").write_text("name,prompt,negative_prompt\nFilm,grain,render\n")
    lora = place(host, "models/loras", save(lora_tensors(2)), "safetensors")
    graph, node = graph_of(f"a cat\nNegative prompt: bad\n{SETTINGS}, {MODEL}, RNG: CPU")
    (loader,) = nodes_of(graph, "CheckpointLoaderSimple")
    texts = {"prompt": f"a cat <lora:{lora.removesuffix('.safetensors')}:0.5>", "negative_prompt": "bad"}
    names = {f"style_{number}": "None" for number in (2, 3, 4)}
    graph["styles"] = {"class_type": "HiresFixStyles", "inputs": {**texts, "style_1": "Film", **names}}
    inputs = {"model": [loader, 0], "clip": [loader, 1], "lora_name": "None", "lora_strength": 1.0}
    graph["loras"] = {"class_type": "HiresFixPromptLoras", "inputs": {**inputs, "text": ["styles", 0]}}
    graph["vae"] = {"class_type": "HiresFixChooseVAE", "inputs": {"vae": [loader, 2], "vae_name": "Automatic"}}
    (base,) = nodes_of(graph, "HiresFixBaseSampling")
    graph[base]["inputs"]["model"] = ["loras", 0]
    for side, text in (("positive", ["loras", 2]), ("negative", ["styles", 1])):
        graph[graph[base]["inputs"][side][0]]["inputs"] |= {"clip": ["loras", 1], "text": text}
    (decode,) = nodes_of(graph, "VAEDecode")[-1:]
    graph[decode]["inputs"]["vae"] = ["vae", 0]
    (written,) = saved_texts(host, client.queue(graph), node)
    assert written.startswith(f"{texts['prompt']}, grain\nNegative prompt: bad, render\nSteps")
    assert "Not in this text" not in written
    assert "Lora hashes: " in written


def with_vae(graph, name):
    """Let the graph say, in a field that the host does not look at, that its VAE comes from a file of its own."""
    (loader,) = nodes_of(graph, "CheckpointLoaderSimple")
    graph[loader]["inputs"]["vae_name"] = name
    return graph


def test_a_model_file_that_changes_gets_another_hash(host, client):
    name = place(host, "models/vae", b"one", "pt")
    path = host.base / "models" / "vae" / name
    for content in (b"one", b"two"):
        path.write_bytes(content)
        os.utime(path, (len(content), content[0]))
        graph, node = graph_of(QUICK)
        (written,) = saved_texts(host, client.queue(with_vae(graph, name)), node)
        assert f"VAE hash: {hashlib.sha256(content).hexdigest()[:10]}, VAE: {name}, " in written


def test_a_model_file_that_is_gone_has_no_hash(host, client):
    graph, node = graph_of(QUICK)
    (written,) = saved_texts(host, client.queue(with_vae(graph, "gone.pt")), node)
    assert f"{MODEL}, VAE: gone.pt, RNG" in written


def test_hashing_is_cancelled_before_anything_is_saved(host, client):
    path = host.base / "models" / "vae" / place(host, "models/vae", b"", "pt")
    os.truncate(path, 2**36)  # takes no room, and a minute to read
    try:
        graph, node = graph_of(QUICK)
        run = client.queue(with_vae(graph, path.name), interrupt_at=node, after_progress=1)
    finally:
        path.unlink()
    assert run.status == "interrupted"
    assert not list((host.base / "output").glob(f"{graph[node]['inputs']['filename_prefix']}*"))


def test_a_picture_that_no_text_tells_of_is_saved_without_one(host, client):
    """Nor with that of the file it was made from, which is of another picture."""
    texts = [(b"tEXt", b"parameters\0of the file"), (b"tEXt", b"mine\0kept")]
    name = place(host, "input", png_by_hand.encode(np.zeros((64, 64, 3), np.uint8), texts))
    graph, node = graph_of(f"{QUICK}, Denoising strength: 0.5, Hires upscale: 1.5, Hires upscaler: Lanczos")
    graph["load"] = {"class_type": "HiresFixLoadImage", "inputs": {"image": name, "channels": "RGB and mask"}}
    (upscale,) = nodes_of(graph, "HiresFixPixelUpscale")
    vae = graph[upscale]["inputs"]["vae"]
    graph["encoded"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["load", 0], "vae": vae}}
    graph[upscale]["inputs"]["latent"] = ["encoded", 0]
    (renoise,), (second,) = nodes_of(graph, "HiresFixRenoise"), nodes_of(graph, "HiresFixSecondSampling")
    graph[renoise]["inputs"] |= {"sampler_name": "Euler", "scheduler": "Automatic", "steps": 2}
    graph[second]["inputs"]["cfg"] = 7.0
    graph[node]["inputs"]["file_info"] = ["load", 2]
    run = client.queue(graph).require_success()
    (place_saved,) = run.outputs[node]["files"]
    image = Image.open(host.base / "output" / place_saved["filename"])
    assert "parameters" not in image.text
    assert image.text["mine"] == "kept"
    assert f"Node {node} saves no infotext: the picture is made from one that was there before" in host.log()
    assert run.texts[-1][0] == node
    assert run.texts[-1][1].startswith("No A1111 text: the picture is made from one that was there before.")
    graph["text"] = {"class_type": "HiresFixInfotext", "inputs": {"images": graph[node]["inputs"]["images"]}}
    graph["text"]["inputs"]["batch_index"] = 0
    graph["show"] = {"class_type": "PreviewAny", "inputs": {"source": ["text", 0]}}
    assert "A1111 Infotext, input 'images': the picture is made from one" in client.queue(graph).explanation()


def test_what_the_text_only_names_is_told_on_the_node(host, client):
    graph, node = graph_of(QUICK)
    drawn = graph[node]["inputs"]["images"]
    graph["flip"] = {"class_type": "ImageInvert", "inputs": {"image": drawn}}
    graph[node]["inputs"]["images"] = ["flip", 0]
    run = client.queue(graph)
    (written,) = saved_texts(host, run, node)
    assert written == f"{QUICK}, Not in this text: ImageInvert, Version: {version(client)}"
    assert run.texts[-1] == (node, "A1111's text of this picture is not all: it only names ImageInvert.")


# ---- what A1111's Extras write --------------------------------------------------------------------------------------

EXTRAS = "Postprocess upscale by: 2, Postprocess upscaler: Lanczos"


def upscaled(graph, images):
    """Add an Upscale Image; returns its pictures."""
    graph["lanczos"] = {"class_type": "HiresFixUpscalerLoader", "inputs": {"upscaler_name": "Lanczos"}}
    sides = {"upscaling_resize_w": 64, "upscaling_resize_h": 64, "upscaling_crop": True}
    values = {"resize_mode": "scale by", "upscaling_resize": 2.0, "tile_size": 0, "tile_overlap": -1, **sides}
    inputs = {"image": images, "upscaler": ["lanczos", 0], **values}
    graph["large"] = {"class_type": "HiresFixUpscaleImage", "inputs": inputs}
    return ["large", 0]


def png_texts(host, run, node):
    (saved,) = run.require_success().outputs[node]["files"]
    texts = Image.open(host.base / "output" / saved["filename"]).text
    return {key: value for key, value in texts.items() if key not in ("prompt", "workflow")}


def test_an_upscaled_picture_has_a1111s_text_and_keeps_that_of_its_file(host, client):
    """As A1111 v1.10.1 answers `extra-single-image` with a picture that has both texts."""
    texts = [(b"tEXt", b"parameters\0a cat\nSteps: 5, Sampler: Euler"), (b"tEXt", b"Title\0x")]
    name = place(host, "input", png_by_hand.encode(np.zeros((4, 4, 3), np.uint8), texts))
    graph = {"load": {"class_type": "HiresFixLoadImage", "inputs": {"image": name, "channels": "RGB and mask"}}}
    graph["save"] = saving(upscaled(graph, ["load", 0]), file_info=["load", 2])
    graph["off"] = saving(["large", 0], file_info=["load", 2], write_infotext=False)
    kept = {"parameters": "a cat\nSteps: 5, Sampler: Euler", "Title": "x"}
    run = client.queue(graph)
    assert png_texts(host, run, "save") == {**kept, "postprocessing": EXTRAS, "extras": EXTRAS}
    assert png_texts(host, run, "off") == kept


def test_a_drawn_and_upscaled_picture_has_both_texts(host, client):
    graph, node = graph_of(QUICK)
    graph[node] = saving(upscaled(graph, graph[node]["inputs"]["images"]))
    parameters = f"{QUICK}, Version: {version(client)}"
    found = png_texts(host, client.queue(graph), node)
    assert found == {"parameters": parameters, "postprocessing": EXTRAS, "extras": EXTRAS}


def test_texts_of_a_folder_of_upscaled_pictures(host, client):
    folder = host.base / "input" / "texts"
    folder.mkdir(exist_ok=True)
    (folder / "a.png").write_bytes(png((b"tEXt", b"parameters\0of the file")))
    graph = {}
    upscaled(graph, None)
    of_image = {"image", "upscaler"}
    values = {name: value for name, value in graph.pop("large")["inputs"].items() if name not in of_image}
    more = {"include": "*", "recursive": False, "max_side": 0, "format": "as input", "bit_depth": "auto"}
    places = {"input_folder": "texts", "output_folder": "texts", "file_name": "{name}", "quality": 95}
    inputs = {**values, **more, **places, "upscaler": ["lanczos", 0], "existing": "overwrite"}
    graph["folder"] = {"class_type": "HiresFixUpscaleFolder", "inputs": inputs}
    client.queue(graph).require_success()
    texts = Image.open(host.base / "output" / "texts" / "a.png").text
    assert texts == {"parameters": "of the file", "postprocessing": EXTRAS, "extras": EXTRAS}


# ---- nodes of the host ----------------------------------------------------------------------------------------------

TOLD = {
    "model": {"LoraLoader", "LoraLoaderModelOnly", "HiresFixPromptLoras"},
    "positive": {"ConditioningZeroOut", "ControlNetApply", "ControlNetApplyAdvanced", "ControlNetApplySD3"},
    "latent": set(),
    "images": {"HiresFixUpscaleImage", "HiresFixDecodeToSize", "HiresFixSaveImage", "SaveImage", "PreviewImage"},
    "noise": {"HiresFixNoise", "RandomNoise"},
}
"""What the text has words for, or what changes nothing, by where it stands; and latents that are empty."""
KINDS = {"model": "MODEL", "positive": "CONDITIONING", "latent": "LATENT", "images": "IMAGE", "noise": "NOISE"}


@pytest.mark.parametrize("place_name", KINDS)
def test_every_node_of_the_host_is_named_if_the_text_does_not_tell_of_it(place_name, client):
    """Each node that hands on what a picture is made with, in place of the link to the first pass or the Save node."""
    kind, complete = KINDS[place_name], []
    for name, info in client.object_info().items():
        inputs = {**info["input"].get("required", {}), **info["input"].get("optional", {})}
        sockets = {key: KINDS.get(key) for key, value in inputs.items() if value and value[0] == kind}
        if kind not in info["output"] or not (sockets or place_name in ("noise", "latent")):
            continue
        graph, save = graph_of(f"{QUICK}, Denoising strength: 0.5, Hires upscale: 1.5, Hires upscaler: Latent")
        (base,) = nodes_of(graph, "HiresFixBaseSampling")
        user = graph[save if place_name == "images" else base]["inputs"]
        values = {key: value[1]["default"] for key, value in inputs.items() if len(value) > 1 and "default" in value[1]}
        links = dict.fromkeys(sockets, user[place_name])
        graph["new"] = {"class_type": name, "inputs": {**values, **links}}
        user[place_name] = ["new", info["output"].index(kind)]
        try:
            found = read_graph(graph, save)
        except InputError:
            continue
        named = name in found.not_in_text or found.further or (place_name == "latent" and name.startswith("Empty"))
        if not named:
            complete.append(name)
    assert set(complete) <= TOLD[place_name]


# ---- as a node ------------------------------------------------------------------------------------------------------


def test_the_node_writes_the_text_of_a_picture_and_of_a_latent(host, client):
    graph, node = graph_of(QUICK)
    set_batch(graph, 2)
    decoded = graph[node]["inputs"]["images"]
    latent = graph[decoded[0]]["inputs"]["samples"]
    for name, images, index in (("picture", decoded, 0), ("latent", latent, 1)):
        graph[name] = {"class_type": "HiresFixInfotext", "inputs": {"images": images, "batch_index": index}}
        graph[f"show {name}"] = {"class_type": "PreviewAny", "inputs": {"source": [name, 0]}}
    run = client.queue(graph).require_success()
    first, second = (run.outputs[f"show {name}"]["text"][0] for name in ("picture", "latent"))
    assert first == f"{QUICK}, Version: {version(client)}"
    assert second == first.replace("Seed: 5", "Seed: 6")


def test_the_node_says_what_it_needs(client):
    graph = {
        "image": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "text": {"class_type": "HiresFixInfotext", "inputs": {"images": ["image", 0], "batch_index": 0}},
        "show": {"class_type": "PreviewAny", "inputs": {"source": ["text", 0]}},
    }
    run = client.queue(graph)
    assert run.status == "error"
    assert "A1111 Infotext, input 'images': no Base Sampling or Second Sampling leads" in run.explanation()


# ---- to a workflow --------------------------------------------------------------------------------------------------


def ask(host, body, kind="application/json"):
    """(status, answer) of the server for a body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{host.url}/hires-fix/from-infotext", content, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def widgets(workflow, kind):
    (node,) = [node for node in workflow["nodes"] if node["type"] == kind]
    return node["widgets_values"]


def png(*chunks):
    """A small PNG file."""
    return png_by_hand.encode(np.zeros((4, 4, 3), np.uint8), chunks)


def picture(format, text):
    """A picture as A1111 saves it."""
    if format == "PNG":
        return png((b"tEXt", b"parameters\0" + text.encode()))
    content, exif = io.BytesIO(), Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    Image.new("RGB", (16, 16)).save(content, format, exif=exif)
    return content.getvalue()


def test_a_text_becomes_a_workflow_with_the_servers_files(host):
    text = QUICK.replace("tiny_sd15", "TINY_SD15") + ", Hires upscale: 2, Hires upscaler: Tiny_rrdb_x4, Mood: good"
    status, answer = ask(host, {"text": text})
    assert status == 200
    assert widgets(answer["workflow"], "CheckpointLoaderSimple") == ["tiny_sd15.safetensors"]
    assert widgets(answer["workflow"], "HiresFixUpscalerLoader")[0] == "tiny_rrdb_x4.safetensors"
    assert answer["notes"] == [
        "The text does not say: Denoising strength. Look at these fields first.",
        "Not in the workflow: Mood: good",
    ]
    other = ask(host, {"text": text})[1]["workflow"]
    assert uuid.UUID(other.pop("id")) != uuid.UUID(answer["workflow"].pop("id"))
    assert other == answer["workflow"]


def test_missing_files_are_noted(host):
    for folder in ("models/loras", "models/vae"):
        place(host, folder, b"", "pt")
    _, answer = ask(host, {"text": f"a cat <lora:gone:1>\n{SETTINGS}, Model: other, VAE: lost.pt, RNG: CPU"})
    assert [note.split("`")[1] for note in answer["notes"]] == ["other", "lost.pt", "gone"]


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_becomes_the_workflow_of_its_text(format, host, tmp_path):
    if format == "TIFF":  # A1111 has none, but our Save node
        write_picture(tmp_path / "a.tif", Picture(torch.zeros(4, 4, 3), FileFacts(text={"parameters": QUICK})), "tiff")
        content = (tmp_path / "a.tif").read_bytes()
    else:
        content = picture(format, QUICK)
    status, answer = ask(host, content, "application/octet-stream")
    assert status == 200
    expected = ask(host, {"text": QUICK})[1]
    assert {**answer["workflow"], "id": 0} == {**expected["workflow"], "id": 0}


def test_the_text_of_a_picture_whose_pixels_are_cut_off_is_read(host):
    status, answer = ask(host, picture("PNG", QUICK)[:-20], FILE)
    assert status == 200
    assert answer["notes"][0] == "The picture itself is damaged: it is cut off. Its text was read."
    assert answer["notes"][1:] == ask(host, {"text": QUICK})[1]["notes"]


@pytest.fixture
def renamed(host, models):
    """The checkpoint under a name that no text has."""
    place = host.base / "models" / "checkpoints" / "of_another_name.safetensors"
    place.symlink_to((host.base / "models" / "checkpoints" / models.oracle).resolve())
    yield place
    place.unlink()


@pytest.mark.parametrize("old", [False, True])
def test_a_renamed_checkpoint_is_found_by_its_hash(old, renamed, host):
    content = renamed.read_bytes()
    digest = hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8] if old else "9189F6453A"
    line = f"{SETTINGS}, Model hash: {digest}, Model: gone, RNG: CPU"
    _, answer = ask(host, {"text": f"a cat\n{line}"})
    (found,) = widgets(answer["workflow"], "CheckpointLoaderSimple")
    assert (host.base / "models" / "checkpoints" / found).read_bytes() == content
    assert answer["notes"] == [f"The checkpoint `gone` is installed as `{found}`: that has the same hash."]


def test_files_that_would_take_long_to_hash_are_said(host):
    path = host.base / "models" / "vae" / place(host, "models/vae", b"", "pt")
    os.truncate(path, 2**36)  # takes no room, and a minute to read
    try:
        line = f"{SETTINGS}, {MODEL}, VAE hash: 0123456789, VAE: gone.pt, RNG: CPU"
        status, answer = ask(host, {"text": f"a cat\n{line}"})
    finally:
        path.unlink()
    assert status == 200
    assert "1 model files (68.7 GB) were not compared by their hash" in answer["notes"][0]


def test_pictures_of_other_programs(host):
    folder = DATA / "odd-infotexts"
    status, answer = ask(host, (folder / "fooocus.png").read_bytes(), FILE)
    assert status == 200
    assert "JSON of Fooocus" in answer["notes"][0]
    assert widgets(answer["workflow"], "CheckpointLoaderSimple") == ["juggernautXL_v8Rundiffusion.safetensors"]
    status, answer = ask(host, (folder / "macos-screenshot.png").read_bytes(), FILE)
    assert (status, answer) == (400, {"error": f"{NO_TEXT} Its comment is `Screenshot`."})
    novelai = png(
        (b"tEXt", b'Comment\0{"prompt": "a cat", "uc": "fog", "steps": 28, "scale": 5, "sampler": "k_euler"}')
    )
    status, answer = ask(host, novelai, FILE)
    assert (status, widgets(answer["workflow"], "HiresFixBaseSampling")[:1]) == (200, [28])


def test_no_text_is_too_odd(host):
    for odd in ODD:
        status, answer = ask(host, {"text": odd["text"]})
        if odd["text"].strip():
            assert status == 200, odd["name"]
            assert answer["workflow"]["nodes"]
        else:
            assert (status, answer) == (400, {"error": "The text is empty."})


JSON = "application/json"
FILE = "image/png"
NO_TEXT = "There is no generation text of A1111 in this picture."


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        pytest.param(body, kind, words, id=name)
        for name, body, kind, words in (
            ("nothing", b"", JSON, 'Send {"text": "…"} as JSON, or a picture file.'),
            ("cut-json", b"{", JSON, "Send"),
            ("deep-json", b"[" * 100000, JSON, "Send"),
            ("no-utf-8", b"\xff\xfe\x00", JSON, "Send"),
            ("list", [QUICK], JSON, "Send"),
            ("other-key", {"txt": QUICK}, JSON, "Send"),
            ("number", {"text": 5}, JSON, "The text must be a string, but it is a int."),
            ("long", {"text": "x" * 40000}, JSON, "The text has 40000 characters; up to 32768 are read. Shorten"),
            ("no-file", b"", FILE, "The picture cannot be read: it is damaged, or of a format that is not known"),
            ("no-picture", b"no picture", FILE, "The picture cannot be read: it is damaged, or of a format that"),
            (
                "graph",
                {"text": '{"1": {"class_type": "KSampler", "inputs": {}}}'},
                JSON,
                "The text is JSON, but has no",
            ),
            ("text-as-file", QUICK.encode(), "text/plain", "The picture cannot be read"),
            ("cut-png", picture("PNG", QUICK)[:60], FILE, "The picture cannot be read: it is cut off. Copy the"),
            ("cut-jpeg", picture("JPEG", QUICK)[:30], FILE, "The picture cannot be read: it is damaged"),
            ("empty-text", picture("PNG", ""), FILE, "The text is empty."),
            ("no-text", png(), FILE, NO_TEXT),
            (
                "workflow",
                png((b"tEXt", b"workflow\0{}")),
                FILE,
                f"{NO_TEXT} It holds a workflow: drop it on the canvas.",
            ),
        )
    ],
)
def test_what_cannot_be_used_is_said(body, kind, words, host):
    status, answer = ask(host, body, kind)
    assert status == 400
    assert answer["error"].startswith(words)
    assert list(answer) == ["error"]


def test_half_a_character_is_no_error(host):
    status, answer = ask(host, b'{"text": "a \\ud83d cat"}')
    assert status == 200
    assert answer["workflow"]["nodes"]


def test_there_is_nothing_to_get(host):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{host.url}/hires-fix/from-infotext")
    assert caught.value.code in (404, 405)
