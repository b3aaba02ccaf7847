"""Thumbnails that show results: whole cards, each another, at the scale they claim."""

import numpy as np
import pytest
from hires_pack.dev.generate import thumbnails
from hires_pack.dev.generate.build_workflows import THUMBNAIL_BYTES, thumbnail
from hires_pack.recipes import library
from PIL import Image

SIZES = {"base": 128, "hires-fix-latent": 256, "hires-fix-pixel": 256, "hires-fix-image": 256, "multi-stage": 512}


@pytest.fixture
def demo(tmp_path):
    """A folder as `dev.py demo` leaves it."""
    for number, (name, side) in enumerate(SIZES.items()):
        ramp = Image.linear_gradient("L").resize((side, side)).rotate(90 * number)
        Image.merge("RGB", (ramp, ramp.rotate(90), ramp.rotate(180))).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.mark.slow
def test_every_card_is_whole_and_another(demo):
    made = thumbnails.results(demo)
    assert set(made) <= set(library.WORKFLOWS)
    files = [thumbnail(card, name) for name, card in made.items()]
    assert {card.size for card in made.values()} == {(thumbnails.WIDTH, thumbnails.HEIGHT)}
    assert len(set(files)) == len(made)
    assert max(map(len, files)) <= THUMBNAIL_BYTES


def test_a_crop_is_pixel_for_pixel_or_in_squares():
    rng = np.random.default_rng(1)
    large = rng.integers(0, 256, (768, 1024, 3), np.uint8)
    middle = np.array(thumbnails.crop(Image.fromarray(large)))
    assert np.array_equal(middle, large[192:576, 256:768])
    small = rng.integers(0, 256, (192, 256, 3), np.uint8)
    assert np.array_equal(np.array(thumbnails.crop(Image.fromarray(small))), small.repeat(2, 0).repeat(2, 1))


def test_a_picture_that_the_demo_has_not_made_is_missed(demo):
    (demo / "base.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"base\.png"):
        thumbnails.results(demo)
