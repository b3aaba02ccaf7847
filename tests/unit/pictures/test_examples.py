"""The pictures that come with the saved workflows: what is put where Load Image finds it."""

import logging

from hires_pack.pictures import read_picture
from hires_pack.pictures.examples import EXAMPLES, copy_examples
from hires_pack.recipes.pictures import ASTRONAUT, CAT, COFFEE

NAMES = sorted(one.file for one in (ASTRONAUT, CAT, COFFEE))


def test_the_pictures_that_workflows_name_are_shipped_and_nothing_else():
    assert sorted(path.name for path in EXAMPLES.glob("*.jpg")) == NAMES
    licences = (EXAMPLES / "LICENSES.md").read_text(encoding="utf-8")
    for name in NAMES:
        assert f"| `{name}` |" in licences
        assert name.startswith("hires-fix-"), "a name that no picture of the user's has"
        height, width, _ = read_picture(EXAMPLES / name).pixels.shape
        assert 256 <= min(height, width) < 512


def test_they_are_copied_once_and_whole(tmp_path):
    assert [path.name for path in copy_examples(tmp_path)] == NAMES
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES, "an unfinished file is left"
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()
    assert copy_examples(tmp_path) == []


def test_a_picture_of_that_name_is_left_alone(tmp_path):
    (tmp_path / CAT.file).write_bytes(b"mine")
    assert CAT.file not in {path.name for path in copy_examples(tmp_path)}
    assert (tmp_path / CAT.file).read_bytes() == b"mine"


def test_a_folder_that_takes_nothing_is_no_error_and_is_logged(tmp_path, caplog):
    folder = tmp_path / "input"
    folder.write_text("a file, so that nothing can be written into it, whoever asks", encoding="utf-8")
    with caplog.at_level(logging.WARNING, "hires-fix"):
        assert copy_examples(folder) == []
    assert str(folder) in caplog.text
