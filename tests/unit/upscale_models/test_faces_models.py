"""Face models and the YuNet detector on generated weights, against spandrel's and kornia's own code."""

import importlib.util

import numpy as np
import pytest
import torch
from hires_pack.dev.fixtures import faces as files
from hires_pack.hires.errors import InputError
from hires_pack.tests.tolerances import FLOAT32, ROUNDED
from hires_pack.upscale_models import UnusableModelError, from_descriptor
from hires_pack.upscale_models.faces import (
    FaceModelError,
    detect_faces,
    face_model_from_descriptor,
    face_model_from_state_dict,
    yunet_from_state_dict,
)
from hires_pack.upscale_models.faces.yunet import PRIORS, STRIDES, YuNet
from kornia.models.yunet import YuNet as KorniaYuNet
from kornia.models.yunet.processors import PriorBox, decode
from spandrel import MAIN_REGISTRY, ImageModelDescriptor
from spandrel.architectures.Compact import Compact
from spandrel.architectures.GFPGAN import GFPGAN, GFPGANArch


@pytest.fixture(autouse=True)
def _no_grad():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def restoreformer():
    return face_model_from_state_dict("restoreformer", {"state_dict": files.restoreformer()})


@pytest.fixture(scope="module")
def narrow_gfpgan():
    """A sixteenth of the channels; spandrel's loader only knows the full width."""
    torch.manual_seed(4)
    network = GFPGAN(narrow=1 / 16)
    for name, value in network.named_parameters():
        if value.shape == (1,):  # how much noise a layer of the decoder adds
            value.data.fill_(0.5)
        elif "to_rgb" in name and value.ndim == 5:
            value.data.mul_(0.1)
    return face_model_from_descriptor(
        ImageModelDescriptor(
            network,
            network.state_dict(),
            architecture=GFPGANArch(),
            purpose="FaceSR",
            tags=[],
            supports_half=False,
            supports_bfloat16=True,
            scale=1,
            input_channels=3,
            output_channels=3,
            call_fn=lambda model, image: model(image)[0],
        )
    )


def face():
    return torch.rand(1, 3, 512, 512, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
def test_restoreformer_equals_spandrels_own_call(restoreformer):
    result = restoreformer(face())
    assert result.shape == (1, 3, 512, 512)
    assert (result - restoreformer.descriptor(face())).abs().max() < ROUNDED
    assert result.std() > 0.05
    assert restoreformer.name == "restoreformer"


def test_gfpgan_gets_and_gives_the_range_it_was_trained_with(narrow_gfpgan):
    seen = {}
    hooks = [
        narrow_gfpgan.descriptor.model.register_forward_pre_hook(lambda _, given: seen.update(given=given[0].clone())),
        narrow_gfpgan.descriptor.model.register_forward_hook(lambda _, given, made: seen.update(made=made[0].clone())),
    ]
    result = narrow_gfpgan(face())
    for hook in hooks:
        hook.remove()
    assert seen["given"].min() < -0.999
    assert (seen["given"] / 2 + 0.5 - face()).abs().max() < ROUNDED
    assert seen["made"].min() < 0
    assert (result * 2 - 1 - seen["made"].clamp(-1, 1)).abs().max() < ROUNDED
    assert ((result > 0) & (result < 1)).float().mean() > 0.5


def test_gfpgan_is_the_same_every_time_but_has_its_noise(narrow_gfpgan):
    first = narrow_gfpgan(face())
    torch.manual_seed(99)
    assert torch.equal(narrow_gfpgan(face()), first)
    noises = narrow_gfpgan.descriptor.model.stylegan_decoder.noises
    before = noises.noise14.clone()
    noises.noise14.neg_()
    assert not torch.equal(narrow_gfpgan(face()), first)
    noises.noise14.copy_(before)


@pytest.mark.slow
def test_a_full_gfpgan_file_loads():
    model = face_model_from_state_dict("gfpgan", {"params_ema": files.gfpgan()})
    assert model.descriptor.architecture.id == "GFPGAN"
    assert model.dtype == torch.float32
    assert not model.descriptor.model.training


def test_values_that_are_not_numbers_are_refused(narrow_gfpgan):
    with pytest.raises(FaceModelError, match=r"'GFPGAN' .*not numbers"):
        narrow_gfpgan(torch.full((1, 3, 512, 512), float("nan")))


@pytest.mark.skipif(importlib.util.find_spec("spandrel_extra_arches") is not None, reason="the package is there")
def test_a_face_model_is_no_upscaler(restoreformer):
    with pytest.raises(UnusableModelError, match="load it with Load Face Restore Model"):
        from_descriptor(restoreformer.descriptor)


def test_codeformer_without_its_package_says_what_to_install():
    with pytest.raises(FaceModelError, match=r"CodeFormer.*pip install spandrel_extra_arches") as error:
        face_model_from_state_dict("codeformer.pth", files.codeformer_keys())
    assert error.value.input_name == "face_model"


def test_the_registry_that_all_share_is_untouched():
    before = [each.architecture.id for each in MAIN_REGISTRY]
    with pytest.raises(FaceModelError):
        face_model_from_state_dict("codeformer.pth", files.codeformer_keys())
    assert [each.architecture.id for each in MAIN_REGISTRY] == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({}, "no weights"),
        (None, "no weights"),
        ({"a.weight": torch.zeros(3)}, "no architecture with its 1 keys"),
        ({**files.gfpgan(), "toRGB.0.weight": torch.zeros(2)}, "do not fit together"),
        (Compact(num_feat=4, num_conv=1, upscale=2).state_dict(), "'some.pth' .* Compact .*Load Upscaler"),
    ],
    ids=["empty", "nothing", "unknown", "damaged", "upscaler"],
)
def test_other_files_are_refused(weights, words):
    with pytest.raises(FaceModelError, match=words):
        face_model_from_state_dict("some.pth", weights)


def test_other_objects_are_refused():
    with pytest.raises(FaceModelError, match="it is a str"):
        face_model_from_descriptor("model")


# ---- YuNet ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def random_yunet():
    """Kornia's network with random weights and statistics, and ours with the same."""
    torch.manual_seed(2)
    theirs = KorniaYuNet("test", pretrained=False).eval()
    for name, value in theirs.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif value.is_floating_point() and value.ndim == 1:
            value.uniform_(-0.5, 1.5)
    return theirs, yunet_from_state_dict("random", theirs.state_dict())


def test_yunet_equals_kornias(random_yunet):
    theirs, ours = random_yunet
    picture = torch.rand(1, 3, 128, 192) * 255
    expected = theirs(picture)
    heads = [head.flatten(1, 3) for head in ours(picture)]
    found = torch.cat(heads, dim=1)
    assert (found[..., :14] - expected["loc"]).abs().max() < FLOAT32
    assert (found[..., 14:16].softmax(-1) - expected["conf"]).abs().max() < ROUNDED
    assert (found[..., 16:] - expected["iou"]).abs().max() < FLOAT32


def test_what_is_found_lies_where_kornia_puts_it(random_yunet):
    """Every face that is kept is one of kornia's, with its score; none of kornia's is better than the best."""
    theirs, ours = random_yunet
    height, width = 128, 192
    picture = torch.rand(height, width, 3, generator=torch.Generator().manual_seed(6))
    raw = theirs(picture.flip(2).permute(2, 0, 1)[None] * 255)
    priors = PriorBox([list(sizes) for sizes in PRIORS], list(STRIDES), False, (height, width))()
    boxes = (decode(raw["loc"][0], priors, [0.1, 0.2]) * torch.tensor([width, height] * 7)).numpy()
    scores = (raw["conf"][0, :, 1] * raw["iou"][0, :, 0].clamp(0, 1)).sqrt().numpy()
    threshold = float(np.sort(scores)[-60])
    found = detect_faces(ours, picture, threshold)
    assert found[0].score == pytest.approx(scores.max(), abs=FLOAT32)
    for each in found:
        nearest = np.abs(scores - each.score).argmin()
        assert scores[nearest] == pytest.approx(each.score, abs=FLOAT32)
        expected = boxes[nearest]
        assert each.box == pytest.approx(expected[:4].tolist(), abs=0.01)
        assert each.points == pytest.approx(expected[4::2] + 1j * expected[5::2], abs=0.01)


@pytest.fixture(scope="module")
def spots():
    return yunet_from_state_dict("spots", files.bright_spots())


def dark(height, width, channels=3):
    return torch.full((height, width, channels), 0.1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_two_spots_are_two_faces(spots, channels):
    picture = dark(200, 250, channels)
    for column, row in ((1, 1), (5, 4)):
        picture[row * 32 : row * 32 + 32, column * 32 : column * 32 + 32] = 1
    found = detect_faces(spots, picture, 0.8)
    assert len(found) == 2
    expected = np.array([x + 1j * y for x, y in files.SPOT_POINTS])
    for centre in (48 + 48j, 176 + 144j):
        near = min(found, key=lambda each: abs(each.points.mean() - centre))
        assert np.abs(near.points - (centre + expected)).max() < 1e-3
        half = files.SPOT_BOX / 2
        corners = (centre.real - half, centre.imag - half, centre.real + half, centre.imag + half)
        assert near.box == pytest.approx(corners, abs=1e-3)
        assert near.score > 0.99


def test_neighbours_are_one_face(spots):
    picture = dark(192, 192)
    picture[64:96, 64:128] = 1  # two fields; their boxes share half
    assert len(detect_faces(spots, picture, 0.8)) == 1
    picture[64:96, 96:128] = 0.1
    picture[64:96, 128:160] = 1  # with one between them
    assert len(detect_faces(spots, picture, 0.8)) == 2


def test_large_pictures_are_shrunk(spots):
    """A spot that can only be seen at 1280 pixels, not at 320: found there, and moved back to the picture's size."""
    picture = dark(1920, 2560)
    picture[640 + 28 : 640 + 36, 1280 + 28 : 1280 + 36] = 1
    [face] = detect_faces(spots, picture, 0.8)
    expected = (640 + 16) * 2 + (320 + 16) * 2j + 2 * np.array([x + 1j * y for x, y in files.SPOT_POINTS])
    assert np.abs(face.points - expected).max() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (65, 63), (400, 9)])
def test_no_face_in_the_dark(spots, size):
    assert detect_faces(spots, dark(*size), 0.3) == []


@pytest.mark.parametrize("weights", [{}, {"a": 1}, files.codeformer_keys()], ids=["empty", "number", "codeformer"])
def test_another_file_is_no_detector(weights):
    with pytest.raises(InputError, match=r"'x.pth' is not a YuNet .* yunet_final\.pth") as error:
        yunet_from_state_dict("x.pth", weights)
    assert error.value.input_name == "detection"


def test_the_size_of_the_network():
    assert sum(value.numel() for value in YuNet().parameters()) == sum(
        value.numel() for value in KorniaYuNet("test", pretrained=False).parameters()
    )
