"""Where whoever may queue a prompt may read and write: ComfyUI's own folders, and those its owner has added."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import folder_paths

from ...hires.errors import InputError
from ...hires.plan.facts import FolderSearch
from ...pictures.base.file_names import check_characters, check_encodable
from ...pictures.folders.scan import Scan, find_pictures, printable

KEY = "hires_fix_folders"
"""Under this key of extra_model_paths.yaml the owner lists further folders to read from and write to."""


def input_folder(name: str) -> Path:
    """Return a folder to read from.

    `name`: inside ComfyUI's input folder, empty for that folder itself; inside another one with ComfyUI's ending, as in
    "photos [output]"; or the whole path of an allowed folder.

    Raises:
        InputError: it is not inside ComfyUI's input or output folder or an added one.
    """
    return _resolve(name, folder_paths.get_input_directory(), "input_folder")


def output_folder(name: str) -> Path:
    """Return a folder to write to, which need not be there; as `input_folder`, but inside ComfyUI's output folder.

    Raises:
        InputError: it is not inside ComfyUI's output folder or an added one, or no folder can be called that.
    """
    return _resolve(name, folder_paths.get_output_directory(), "output_folder")


def folders(source: str, target: str) -> tuple[Path, Path]:
    """Return the folder to read from and the one to write to.

    Raises:
        InputError: see `input_folder` and `output_folder`; also if both are the same.
    """
    both = input_folder(source), output_folder(target)
    if both[0] == both[1]:
        raise InputError("results cannot go into the folder that is read. Choose another one.", "output_folder")
    return both


def find(search: FolderSearch, check: Callable[[], None]) -> tuple[Path, Path, Scan]:
    """Find the pictures to upscale: the folder to read from, the one to write to, and what is in the first.

    `check` is called on the way; it may raise to stop.

    Raises:
        InputError: see `folders` and `find_pictures`.
    """
    source, target = folders(search.input_folder, search.output_folder)
    # results in a folder inside the one that is read must not be upscaled again
    return source, target, find_pictures(source, search.include, search.recursive, may_read, target, check)


def may_read(path: Path) -> bool:
    """Whether this path, links followed, lies where `input_folder` may."""
    return _within(path, [folder_paths.get_input_directory(), *_writable()])


def may_write(path: Path) -> bool:
    """Whether this path, links followed, lies where `output_folder` may."""
    return _within(path, _writable())


def _resolve(name: str, home: str, input_name: str) -> Path:
    reading = input_name == "input_folder"
    (check_encodable if reading else check_characters)(name, input_name)
    short, base = folder_paths.annotated_filepath(name.strip())
    path = Path(base or home) / short.strip()
    if not (may_read(path) if reading else may_write(path)):
        raise InputError(
            f"'{printable(name)}' is not inside ComfyUI's {'input or output folder' if reading else 'output folder'}. "
            f"Other folders work once they are listed under {KEY} in ComfyUI's extra_model_paths.yaml.",
            input_name,
        )
    return path.resolve()


def _writable() -> list[str]:
    added = folder_paths.folder_names_and_paths.get(KEY)
    return [folder_paths.get_output_directory(), *(added[0] if added else [])]


def _within(path: Path, folders: list[str]) -> bool:
    return any(folder_paths.is_within_directory(folder, str(path)) for folder in folders)
