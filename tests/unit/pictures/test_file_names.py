"""Names of files, locks on folders, amounts: what people and disks are told."""

import os
import signal
import subprocess
import sys

import pytest
from hires_pack.hires.amounts import as_bytes
from hires_pack.hires.errors import InputError
from hires_pack.pictures.base.file_names import check_characters, check_encodable, fitting
from hires_pack.pictures.folders.lock import only_job


def test_a_name_that_fits_stays():
    assert fitting("a" * 251, ".png") == "a" * 251 + ".png"
    assert fitting("a", ".png", room=200) == "a.png"


@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u65e5", "\U0001f600", "\udcff"])
def test_a_name_that_is_too_long_is_shortened(letter):
    names = {fitting(letter * count + end, ".png", room=4) for count in range(240, 260) for end in "xy"}
    assert len(names) == 40
    assert max(len(os.fsencode(name)) for name in names) <= 251
    assert all(name.startswith(letter * 30) and name.endswith(".png") for name in names)


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "sub/\x1b[2J", "\x7f", "a\ud800"])
def test_characters_that_no_file_can_have(text):
    with pytest.raises(InputError, match="cannot have") as caught:
        check_characters(text, "filename_prefix")
    assert caught.value.input_name == "filename_prefix"
    assert str(caught.value).isprintable()


def test_characters_that_windows_takes_for_something_else():
    for text in ("a:b", "a*", "what?", "<a>", 'a"b', "a|b"):
        check_characters(text, "filename_prefix", windows=False)
        with pytest.raises(InputError, match="cannot have"):
            check_characters(text, "filename_prefix", windows=True)
    check_characters("sub/%year%-caf\u00e9 {a}", "filename_prefix", windows=True)


def test_paths_that_the_system_cannot_be_asked_about():
    check_encodable("a\nb\udcff", "input_folder")
    for text in ("a\0b", "a\ud800"):
        with pytest.raises(InputError, match="cannot have"):
            check_encodable(text, "input_folder")


def test_the_second_job_on_a_folder_is_told(tmp_path):
    with only_job(tmp_path):
        with pytest.raises(InputError, match="another job is writing to") as caught, only_job(tmp_path):
            pass
        assert caught.value.input_name == "output_folder"
    with only_job(tmp_path):
        assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_a_killed_job_leaves_no_lock(tmp_path):
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); "
        "print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with pytest.raises(InputError), only_job(tmp_path):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with only_job(tmp_path):
        pass


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (812, "812 bytes"),
        (999.6, "1 KB"),
        (4_096, "4.1 KB"),
        (3_145_728, "3.15 MB"),
        (999_600_000, "1 GB"),
        (20_480_000_000, "20.5 GB"),
        (1.5e12, "1500 GB"),
    ],
)
def test_amounts(count, text):
    assert as_bytes(count) == text
