"""Load Face Restore Model and Restore Faces on the real host, with core's own landmarks and loaders."""

import json

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures import faces as files
from hires_pack.dev.fixtures import upscalers
from hires_pack.upscale_models.faces import face_model_from_state_dict, place, restore_faces

from .graphs import Graph, give, saved
from .test_bad_input import explained

FEATHER = 48


@pytest.fixture(scope="module", autouse=True)
def _face_files(host, models):
    """The generated files in the folders where people put them; some also where they do not belong."""
    folder, into = models.files.folder, host.base / "models"
    for kind in ("face_restore", "face_detection", "detection", "facerestore_models"):
        (into / kind).mkdir(exist_ok=True)
    for path in (
        file for kind in ("face_restore", "face_detection", "detection") for file in (folder / kind).iterdir()
    ):
        (into / path.parent.name / path.name).symlink_to(path)
    restoreformer = folder / "face_restore" / files.RESTOREFORMER_FILE
    (into / "facerestore_models" / "other-folder.pth").symlink_to(restoreformer)
    (into / "upscale_models" / "face-among-upscalers.pth").symlink_to(restoreformer)
    for bad in (upscalers.PICKLED_CODE, upscalers.RENAMED):
        for kind in ("face_restore", "face_detection"):
            (into / kind / bad).symlink_to(folder / "upscale_models" / bad)


def waves(height, width, channels=3, batch=1):
    y = torch.arange(height)[:, None, None]
    x = torch.arange(width)[None, :, None]
    phase = torch.arange(batch * channels, dtype=torch.float32)
    picture = 0.5 + 0.2 * torch.sin(x / 10 + phase) + 0.2 * torch.cos(y / 13 - phase)
    return picture.unflatten(2, (batch, channels)).permute(2, 0, 1, 3).contiguous()


def restored(g, host, image, model, **inputs):
    """Adds Restore Faces and what it gives: (file of the picture, node of the number, node of the boxes)."""
    if isinstance(model, str):
        model = g.add("HiresFixFaceModelLoader", face_model_name=model)
    if isinstance(image, torch.Tensor):
        image = g.add("ProbeImage", file=give(host, image=image), key="image")
    settings = {"visibility": 1.0, "codeformer_weight": 0.5, "detection": "face landmarks", **inputs}
    node = g.add("HiresFixRestoreFaces", image=image, face_model=model, **settings)
    texts = [g.add("PreviewAny", source=node[output]).id for output in (1, 2)]
    return g.save(image=node)[1], *texts


def landmarks(g, host, five, frames, width, height):
    mesh = torch.stack([torch.from_numpy(files.mesh_of(points)) for points in five])
    file = give(host, mesh=mesh)
    return g.add("ProbeFaceLandmarks", file=file, key="mesh", frames=json.dumps(frames), width=width, height=height)


def text(run, node_id):
    return json.loads(run.outputs[node_id]["text"][0])


def test_gfpgan_where_core_finds_a_face(host, client):
    """Core's loader and landmarks; the face comes back in the one colour of the model, with its soft edge."""
    side, scale = files.MESH_SIDE, 1 / files.MESH_FACTOR
    image, g = waves(side, side, 4), Graph()
    picture = g.add("ProbeImage", file=give(host, image=image), key="image")
    found = g.add(
        "MediaPipeFaceLandmarker",
        face_detection_model=g.add("LoadMediaPipeFaceLandmarker", model_name=files.LANDMARKER_FILE),
        image=picture,
        detector_variant="short",
        num_faces=0,
        min_confidence=0.5,
        missing_frame_fallback="empty",
    )
    name, count, boxes = restored(g, host, picture, files.GFPGAN_FILE, face_landmarks=found, visibility=0.6)
    drawn = g.add("DrawBBoxes", image=picture, bboxes=g[boxes]["inputs"]["source"])
    g.save(image=drawn)
    run = client.queue(g).require_success()
    assert text(run, count) == 1
    # the square of 512 model pixels is 153.6 pixels wide and lies in the middle
    assert text(run, boxes) == [[{"x": 73, "y": 73, "width": 154, "height": 154, "label": "face"}]]
    position = (torch.arange(side) + 0.5 - side / 2) * scale + 256
    t = (torch.minimum(position, 512 - position) / FEATHER).clamp(0, 1)
    soft = 3 * t**2 - 2 * t**3
    mask = (soft[:, None] * soft)[..., None]
    result = saved(host, name)["image"]
    expected = image[..., :3] + 0.6 * mask * (torch.tensor(files.GFPGAN_COLOUR) - image[..., :3])
    assert (result[..., :3] - expected).abs().max() < 2e-4
    assert torch.equal(result[..., 3], image[..., 3])
    outside = mask[None, ..., 0] == 0
    assert torch.equal(result[outside], image[outside])


def test_restoreformer_on_landmarks_of_a_smaller_picture(host, client, models):
    """As the same model without the host; two faces in the second picture only, one of them too small."""
    image, g = waves(240, 320, 1, batch=2), Graph()
    small = files.middle_face() * 0.5 + 5
    tiny = files.middle_face() * 0.02 + 30 + 30j
    given = landmarks(g, host, [small, tiny], [0, 2], 160, 120)
    name, count, boxes = restored(g, host, image, "other-folder.pth", face_landmarks=given)
    run = client.queue(g).require_success()
    model = face_model_from_state_dict("restoreformer", {"state_dict": files.restoreformer()})
    with torch.inference_mode():
        expected, [_, [box]] = restore_faces(image, [[], [place(small * 2)]], model)
    assert (text(run, count), len(text(run, boxes)[1])) == (1, 1)
    assert text(run, boxes)[1][0] == {
        "x": box.x0,
        "y": box.y0,
        "width": box.width,
        "height": box.height,
        "label": "face",
    }
    result = saved(host, name)["image"]
    assert (result - expected).abs().max() < 1e-3
    assert (result - image)[1].abs().max() > 0.1
    assert torch.equal(result[0], image[0])


def test_yunet_by_a_file_of_the_user(host, client):
    """Where the faces are; at visibility 0 the model is not needed."""
    picture = torch.full((1, 256, 320, 3), 0.1)
    picture[:, 96:128, 160:192] = 1
    g = Graph()
    name, count, boxes = restored(
        g, host, picture, files.RESTOREFORMER_FILE, detection=files.BRIGHT_SPOTS_FILE, visibility=0.0
    )
    run = client.queue(g).require_success()
    assert text(run, count) == 1
    five = 176 + 112j + np.array([x + 1j * y for x, y in files.SPOT_POINTS])
    _, [[box]] = restore_faces(picture, [[place(five)]], None, 0.0)
    [[found]] = text(run, boxes)
    assert (found["x"], found["y"], found["width"], found["height"]) == (box.x0, box.y0, box.width, box.height)
    assert torch.equal(saved(host, name)["image"], picture)


def test_without_a_face_the_picture_comes_back(host, client):
    picture = torch.rand(2, 70, 90, 4) * 0.4
    g = Graph()
    name, count, boxes = restored(g, host, picture, files.RESTOREFORMER_FILE, detection=files.BRIGHT_SPOTS_FILE)
    run = client.queue(g).require_success()
    assert (text(run, count), text(run, boxes)) == (0, [[], []])
    assert torch.equal(saved(host, name)["image"], picture)


def test_cancel_between_faces_and_core_s_loader(host, client):
    g = Graph()
    core = g.add("UpscaleModelLoader", model_name="face-among-upscalers.pth")
    restored(g, host, waves(64, 64, 3, batch=8), core, detection="whole picture")
    node_id = next(node_id for node_id, node in g.items() if node["class_type"] == "HiresFixRestoreFaces")
    run = client.queue(g, interrupt_at=node_id, after_progress=1)
    assert run.status == "interrupted"
    done = [(value, total) for node, value, total in run.progress if node == node_id]
    assert {total for _, total in done if total > 1} == {8}
    assert max(value for value, _ in done) < 8


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (files.CODEFORMER_FILE, ["CodeFormer", "pip install spandrel_extra_arches"]),
        (upscalers.PICKLED_CODE, ["damaged", "run code"]),
        (upscalers.UNKNOWN, ["spandrel knows no architecture"]),
        (upscalers.EXACT[2], ["Load Upscaler"]),
    ],
)
def test_files_that_are_no_face_models(file, words, host, client):
    g = Graph()
    restored(g, host, waves(8, 8), file, detection="whole picture")
    explained(client.queue(g), "Load Face Restore Model", "'face_model_name'", file, *words)


def test_an_upscaler_of_core_is_no_face_model(host, client):
    g = Graph()
    restored(
        g, host, waves(8, 8), g.add("UpscaleModelLoader", model_name=upscalers.EXACT[2]), detection="whole picture"
    )
    explained(client.queue(g), "Restore Faces", "'face_model'", "Load Upscaler")


@pytest.mark.parametrize(
    ("inputs", "input_name", "words"),
    [
        ({}, "face_landmarks", ["none are connected", "models/face_detection"]),
        ({"frames": [1, 0]}, "face_landmarks", ["of 2 pictures, but there are 1"]),
        ({"detection": upscalers.RENAMED}, "detection", [upscalers.RENAMED, "damaged"]),
        ({"channels": 5, "detection": "whole picture"}, "image", ["5"]),
    ],
)
def test_inputs_that_cannot_be_used(inputs, input_name, words, host, client):
    g, inputs = Graph(), dict(inputs)
    image = waves(8, 8, inputs.pop("channels", 3))
    if "frames" in inputs:
        inputs["face_landmarks"] = landmarks(g, host, [files.middle_face()], inputs.pop("frames"), 8, 8)
    restored(g, host, image, files.RESTOREFORMER_FILE, **inputs)
    explained(client.queue(g), "Restore Faces", f"'{input_name}'", *words)


def test_every_folder_is_listed_and_plain_ways_come_first(client):
    info = client.object_info()
    names = info["HiresFixFaceModelLoader"]["input"]["required"]["face_model_name"][1]["options"]
    assert names.index(files.GFPGAN_FILE) < names.index("other-folder.pth") < names.index("face-among-upscalers.pth")
    ways = info["HiresFixRestoreFaces"]["input"]["required"]["detection"][1]["options"]
    assert ways[:2] == ["face landmarks", "whole picture"]
    assert files.BRIGHT_SPOTS_FILE in ways
