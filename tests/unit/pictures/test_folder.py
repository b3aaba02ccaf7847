"""Which pictures of a folder are upscaled and what their results are called."""

import inspect
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hires_pack.hires.errors import InputError
from hires_pack.pictures import FORMATS, PictureError
from hires_pack.pictures.base.picture import Timing
from hires_pack.pictures.folders.names import Task, check_pattern, plan_names
from hires_pack.pictures.folders.places import places
from hires_pack.pictures.folders.report import Report
from hires_pack.pictures.folders.scan import (
    INNER_LINK,
    NOT_A_PICTURE,
    NOT_RECURSIVE,
    FolderPicture,
    find_pictures,
    natural_key,
    printable,
)
from hires_pack.pictures.folders.skip import find_result, find_series_result
from hires_pack.pictures.formats.pillow import endings
from hires_pack.pictures.streams.journal import Journal
from hires_pack.pictures.write import EXTENSIONS
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

VALUES = {"scale": "2", "upscaler": "Lanczos"}


def anywhere(path):
    return True


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found_in(folder, include="*", recursive=False, allowed=anywhere, leave_out=None):
    return find_pictures(folder, include, recursive, allowed, leave_out)


def labels(scan):
    return [picture.label for picture in scan.pictures]


# ------------------------------------------------------------------------------------------------- finding pictures


def test_pictures_come_in_the_order_in_which_people_count(tmp_path):
    make(tmp_path, "a10.png", "a2.png", "A1.png", "b.png", "a02.png", "é.png", "E.png")
    assert labels(found_in(tmp_path)) == ["A1.png", "a02.png", "a2.png", "a10.png", "b.png", "E.png", "é.png"]
    assert natural_key("²") > natural_key("9")


def test_every_kind_of_name_is_found_and_other_files_are_passed_over(tmp_path):
    good = [
        "two words.png", "dots.in.name.jpg", ".hidden.png", "日本.webp", "UPPER.JPEG", "a.TIF", "-x.bmp", "%d{0}.gif",
        "new.avif", "film.JP2", "a.jpe", "sign.ico", "a.ppm",
    ]  # fmt: skip
    others = ["notes.txt", "png", ".png", "._a.png", "a.png.part", "raw.heic"]
    make(tmp_path, *good, *others, "b/inside.png")
    scan = found_in(tmp_path)
    assert sorted(labels(scan)) == sorted(good)
    assert sorted(scan.passed_over) == sorted([*((name, NOT_A_PICTURE) for name in others), ("b/", NOT_RECURSIVE)])
    wanted = found_in(tmp_path, "*.png, no*").passed_over
    assert {name for name, _ in wanted} == {".png", "._a.png", "b/", "notes.txt"}


def test_a_folder_takes_what_can_be_read():
    """Every kind of picture that is written here by its ending."""
    assert endings() >= {*EXTENSIONS.values(), ".jpeg", ".jfif", ".jpe", ".tiff", ".gif", ".apng", ".bmp", ".avif"}
    assert not endings() & {".txt", ".pdf", ".eps", ".mp4", ".mpg", ".html", ".json", ""}


def test_names_that_are_no_text_are_shown_anyway(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.png"
    open(name, "wb").close()
    scan = found_in(tmp_path)
    assert labels(scan) == ["\ufffd.png"]
    labels(scan)[0].encode()


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("*", ["a.jpg", "a.png", "b.PNG"]),
        ("*.png", ["a.png", "b.PNG"]),
        (" *.JPG , B* ", ["a.jpg", "b.PNG"]),
        ("a.*,a.png", ["a.jpg", "a.png"]),
        ("[ab].png", ["a.png", "b.PNG"]),
        ("sub/*", ["sub/c.png"]),
        ("*.txt", []),
    ],
)
def test_patterns(include, expected, tmp_path):
    make(tmp_path, "a.png", "a.jpg", "b.PNG", "x.txt", "sub/c.png")
    assert labels(found_in(tmp_path, include, recursive="/" in include)) == expected


def test_a_composed_letter_matches_its_parts(tmp_path):
    make(tmp_path, "u\u0308ber.png")
    assert len(found_in(tmp_path, "\u00fcber*").pictures) == 1


def test_folders_inside_only_if_asked_and_not_those_of_the_results(tmp_path):
    make(tmp_path, "a.png", "sub/b.png", "sub/deep/c.png", "out/a_x2.png", "out/sub/b_x2.png")
    assert labels(found_in(tmp_path, leave_out=tmp_path / "out")) == ["a.png"]
    scan = found_in(tmp_path, recursive=True, leave_out=tmp_path / "out")
    assert labels(scan) == ["a.png", "sub/b.png", "sub/deep/c.png"]
    assert [picture.folder for picture in scan.pictures] == [Path(), Path("sub"), Path("sub/deep")]
    assert not scan.problems


def test_links_to_folders_are_not_followed(tmp_path):
    """Neither in a circle nor out of the folder, and what they lead to is found once, where it is."""
    folder = tmp_path / "folder"
    make(tmp_path, "beside.png", "folder/a.png", "folder/sub/b.png", "folder/z/c.png")
    (folder / "a link").symlink_to("z", target_is_directory=True)
    (folder / "sub" / "up").symlink_to(folder, target_is_directory=True)
    (folder / "sub" / "same").symlink_to("same")
    (folder / "loop").symlink_to("..", target_is_directory=True)
    scan = found_in(folder, recursive=True)
    assert labels(scan) == ["a.png", "sub/b.png", "z/c.png"]
    assert scan.passed_over == [("a link/", INNER_LINK), ("sub/same", NOT_A_PICTURE), ("sub/up/", INNER_LINK)]
    assert [name for name, reason in scan.problems if "outside of the folder" in reason] == ["loop/"]


def test_folders_inside_each_other_take_no_stack(tmp_path):
    (tmp_path.joinpath(*"d" * 300)).mkdir(parents=True)
    (tmp_path.joinpath(*"d" * 300) / "a.png").write_bytes(b"x")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        scan = found_in(tmp_path, recursive=True)
    finally:
        sys.setrecursionlimit(limit)
    assert len(scan.pictures) == 1


def test_what_cannot_be_looked_at_is_listed(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "elsewhere"
    make(outside, "secret.png", "folder/more.png")
    make(inside, "a.png")
    (inside / "gone.png").symlink_to("nowhere.png")
    (inside / "link.png").symlink_to(outside / "secret.png")
    (inside / "folder").symlink_to(outside / "folder", target_is_directory=True)
    (inside / "friend.png").symlink_to(inside / "a.png")
    os.mkfifo(inside / "pipe.png")
    scan = found_in(inside, recursive=True, allowed=lambda path: path.resolve().is_relative_to(inside))
    assert labels(scan) == ["a.png", "friend.png"]
    reasons = dict(scan.problems)
    assert sorted(reasons) == ["folder/", "gone.png", "link.png", "pipe.png"]
    assert "outside" in reasons["link.png"]
    assert "outside of the folder" in reasons["folder/"]
    assert "not a file" in reasons["pipe.png"]


@pytest.mark.parametrize(("folder", "include", "input_name"), [("no", "*", "input_folder"), ("", " ,", "include")])
def test_what_cannot_be_searched_is_named(folder, include, input_name, tmp_path):
    with pytest.raises(InputError) as caught:
        found_in(tmp_path / folder, include)
    assert caught.value.input_name == input_name


def test_a_search_can_be_cancelled(tmp_path):
    make(tmp_path, "a/a.png", "b/b.png")

    class Cancelled(BaseException):
        pass

    def check():
        raise Cancelled

    with pytest.raises(Cancelled):
        find_pictures(tmp_path, "*", True, anywhere, check=check)


# ------------------------------------------------------------------------------------------------------------ names


def plan(names, pattern="{name}_x{scale}", picture_format=None, values=VALUES):
    pictures = [FolderPicture(Path("/in") / name, Path(name).parent) for name in names]
    return plan_names(pictures, Path("/out"), pattern, values, picture_format)


def targets(tasks):
    return [str(task.target.relative_to("/out")) for task in tasks]


@pytest.mark.parametrize(
    ("name", "pattern", "picture_format", "expected"),
    [
        ("a.png", "{name}_x{scale}", None, "a_x2.png"),
        ("a.b.JPEG", "{name}", None, "a.b.jpg"),
        ("sub/a.tiff", "{name}-{upscaler}", None, "sub/a-Lanczos.tif"),
        ("a.gif", "{name}_{ext}", None, "a_gif.png"),
        ("a.jpg", "{{{name}}}", "png", "{a}.png"),
        (".hidden.webp", "{name}", "webp", ".hidden.webp"),
        ("{scale}.png", "{name}", None, "{scale}.png"),
    ],
)
def test_names(name, pattern, picture_format, expected):
    task = plan([name], pattern, picture_format)[0]
    assert targets([task]) == [expected]
    assert not task.renamed


def test_values_cannot_leave_the_folder():
    assert targets(plan(["a.png"], "{name}{upscaler}", values={"scale": "2", "upscaler": "x/../../y"})) == [
        "ax_.._.._y.png"
    ]


UNUSABLE = [
    "", "same", "{name", "{0}", "{nam}", "{name!r}", "{name:9}", "../{name}", "a\\{name}", "{name}\0", "{name}:x",
    "{name}\ud800",
]  # fmt: skip


@pytest.mark.parametrize("pattern", UNUSABLE)
def test_patterns_that_cannot_be_used_are_refused(pattern):
    with pytest.raises(InputError) as caught:
        check_pattern(pattern)
    assert caught.value.input_name == "file_name"


def test_pictures_that_differ_in_their_ending_do_not_share_a_result():
    tasks = plan(["a.png", "a.jpg", "b.png"], picture_format="png")
    assert targets(tasks) == ["a_x2_png.png", "a_x2_jpg.png", "b_x2.png"]
    assert [task.renamed for task in tasks] == [True, True, False]
    assert targets(plan(["a.png", "a.jpg"])) == ["a_x2.png", "a_x2.jpg"]


def test_pictures_that_differ_in_capitals_do_not_share_a_result():
    names = targets(plan(["a.png", "A.png", "u\u0308.png", "\u00fc.png"]))
    assert len({name.casefold() for name in names}) == 4
    assert names == targets(plan(["a.png", "A.png", "u\u0308.png", "\u00fc.png"]))


def test_the_same_name_in_two_folders_is_no_clash():
    assert targets(plan(["a.png", "sub/a.png"])) == ["a_x2.png", "sub/a_x2.png"]


def test_a_name_does_not_depend_on_the_order():
    names = ["a.png", "a.jpg", "A.JPG", "a_x2_png.png"]
    tasks = plan(names, picture_format="png")
    assert dict(zip(names[::-1], targets(plan(names[::-1], picture_format="png")), strict=True)) == dict(
        zip(names, targets(tasks), strict=True)
    )


stems = st.text("aAbB_.12", min_size=1, max_size=3)


@given(
    st.lists(st.builds("{}.{}".format, stems, st.sampled_from(["png", "PNG", "jpg", "tif", "png.tif"])), unique=True),
    st.sampled_from([None, *FORMATS]),
)
@settings(max_examples=200, deadline=None)
def test_no_two_results_share_a_file(names, picture_format):
    tasks = plan(names, "{name}", picture_format)
    written = [{str(path).casefold() for path in (task.target, task.streamed)} for task in tasks]
    assert len(set().union(*written)) == sum(map(len, written))


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\u65e5"])
@pytest.mark.parametrize("picture_format", [None, *FORMATS])
def test_names_that_are_too_long_for_a_disk_are_shortened(letter, picture_format, tmp_path):
    """All that is made from a result's name fits, too, and no two results share a file."""
    size = len(letter.encode())
    names = [letter * ((bytes_ - 4) // size) + ".png" for bytes_ in range(225, 256)]
    written = {}
    for name in sorted(set(names)):
        task = plan([name], picture_format=picture_format)[0]
        journal = Journal(task.streamed)
        parts = [task.part(index, 1000) for index in (0, 999)]
        places = [task.target, task.streamed, journal.part, journal.file, journal._fresh]
        places += [part.target for part in parts] + [part.streamed for part in parts]
        for place in places:
            (tmp_path / place.name).touch()
            assert written.setdefault(place.name, name) == name or picture_format == "tiff" or place != task.target
        plain = f"{Path(name).stem}_x2{EXTENSIONS[picture_format or 'png']}"
        assert task.renamed == (len(plain.encode()) > 255)
        assert (task.target.name == plain) == (not task.renamed)
        assert task.target.suffix == EXTENSIONS[picture_format or "png"]


def test_numbered_results_do_not_take_the_place_of_others():
    tasks = plan(["a.gif", "a_001.jpg", "b.gif", "A_1000.png"], "{name}", "png")
    taken = {name.casefold() for name in targets(tasks)}
    numbered = [str(task.part(index, 1000).target.relative_to("/out")) for task in tasks for index in range(1000)]
    assert not taken & {name.casefold() for name in numbered}
    assert len({name.casefold() for name in numbered}) == 4000
    assert targets([tasks[2].part(2, 12), tasks[2].part(11, 12)]) == ["b_003.png", "b_012.png"]


# --------------------------------------------------------------------------------------------- what is there already


def picture(path, size):
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size).save(path)


def double(width, height):
    return 2 * width, 2 * height


@pytest.fixture
def task(tmp_path):
    picture(tmp_path / "in" / "a.jpg", (8, 6))
    return Task(FolderPicture(tmp_path / "in" / "a.jpg", Path()), "jpeg", tmp_path / "a_x2.jpg")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_result_of_the_right_size_is_found(streamed, task):
    assert find_result(task, double) is None
    place = task.streamed if streamed else task.target
    picture(place, (16, 12))
    assert find_result(task, double) == place
    assert task.streamed.name == "a_x2.jpg.tif"


def test_the_result_of_a_turned_picture_is_found(task):
    picture(task.target, (12, 16))
    assert find_result(task, double) == task.target


def test_something_of_another_size_is_in_the_way(task):
    picture(task.target, (24, 18))
    with pytest.raises(PictureError, match=r"16x12.*a_x2\.jpg.*24x18"):
        find_result(task, double)


def test_something_that_is_no_picture_is_in_the_way(task):
    task.target.write_bytes(b"hello")
    with pytest.raises(PictureError, match="no picture"):
        find_result(task, double)


def test_a_broken_picture_is_not_taken_for_done(task):
    picture(task.target, (16, 12))
    task.picture.path.write_bytes(b"")
    with pytest.raises(PictureError, match=r"a\.jpg"):
        find_result(task, double)


def test_an_animation_with_all_its_frames_is_found(tmp_path):
    task = Task(FolderPicture(tmp_path / "a.gif", Path()), "png", tmp_path / "a_x2.png")
    frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "lime", "blue")]
    timing = Timing((80, 80, 80), 0)
    assert find_series_result(task, [(16, 12)] * 3, timing) is None
    frames[0].save(task.target)  # by a program that takes the first frame
    with pytest.raises(PictureError, match=r"3 pictures of 16x12, but 'a_x2\.png' is there already with 16x12"):
        find_series_result(task, [(16, 12)] * 3, timing)
    frames[0].save(task.target, save_all=True, append_images=frames[1:], duration=80)
    assert find_series_result(task, [(16, 12)] * 3, timing) == task.target
    with pytest.raises(PictureError, match="3 pictures of 24x18"):
        find_series_result(task, [(24, 18)] * 3, timing)
    webp = replace(task, format="webp", target=tmp_path / "a_x2.webp")
    frames[0].save(webp.target, save_all=True, append_images=[frames[0], frames[1]], duration=80)  # keeps two
    assert find_series_result(webp, [(16, 12)] * 3, timing) == webp.target


# ------------------------------------------------------------------------------------------------------------ report


def test_the_report_counts_and_lists():
    report = Report(
        ["a"] * 195, failed=[("sub/b.png", "it is\n empty.")], notes=[("c.jpg", "the result is 'c_jpg.png'")]
    )
    lines = report.text().splitlines()
    assert lines[0] == "196 pictures: 195 done, 0 skipped (there already), 1 failed"
    assert "  sub/b.png: it is empty." in lines
    report.passed_over += [(f"{index}.txt", NOT_A_PICTURE) for index in range(60)] + [("d/", NOT_RECURSIVE)]
    report.in_part.append("e.jpg")
    lines = report.text().splitlines()
    assert lines[0] == "196 pictures: 195 done, 0 skipped (there already), 1 failed"
    place = lines.index("Passed over (60), not a kind of picture that can be read:")
    assert lines[place + 1].startswith("  0.txt, 1.txt, ")
    assert lines[place + 1].endswith("49.txt and 10 more")
    assert lines[lines.index("Passed over (1), a folder, and recursive is off:") + 1] == "  d/"
    assert lines[-1] == "  e.jpg"
    assert "  c.jpg: the result is 'c_jpg.png'" in lines
    text = Report(notes=[("a\udcff.png", "b\udcff")]).text()
    assert text.encode().endswith(b"  a?.png: b?")
    assert Report().text() == "0 pictures: 0 done, 0 skipped (there already), 0 failed"
    assert printable(Path("a/b")) == "a/b"


# ------------------------------------------------------------------------------------------------- results to show


def test_results_that_cannot_be_shown_are_left_out(tmp_path):
    make(tmp_path, "out/sub/a.PNG", "out/b.tif", "c.png", *(f"out/{number}.webp" for number in range(9)))
    with (tmp_path / "out/large.png").open("wb") as file:
        file.truncate(20 * 2**20 + 1)
    names = ["moved.png", "large.png", "\udcff.png", "sub/a.PNG", "b.tif", "../c.png", "0.webp"]
    found = places([tmp_path / "out" / name for name in names], tmp_path / "out")
    assert found == [
        {"filename": "a.PNG", "subfolder": "sub", "type": "output"},
        {"filename": "0.webp", "subfolder": "", "type": "output"},
    ]


def test_no_more_results_are_looked_at_than_are_shown(tmp_path):
    make(tmp_path, *(f"{number}.webp" for number in range(9)))
    results = iter([tmp_path / f"{number}.webp" for number in range(9)])
    assert [place["filename"] for place in places(results, tmp_path)] == [f"{number}.webp" for number in range(8)]
    assert next(results).name == "8.webp"
