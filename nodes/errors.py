"""Errors that name the node and the input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from comfy_api.latest import io

from ..hires.errors import InputError
from ..host.sampling.multi_stage import visible_input


class HiresFixError(ValueError):
    """What a user reads: the node, the input, what was found and what to do."""

    # the host puts the full name of the class before the text, and that of this module begins with a folder
    __module__ = "hires_fix"


@contextmanager
def input_errors(node: type[io.ComfyNode], input_name: str) -> Iterator[None]:
    """Name the node and the input: the one the error knows of if the node has it, else `input_name`.

    Only the pack's own errors about bad input are renamed. Everything else, the host's cancel and out-of-memory
    errors above all, passes through untouched.
    """
    try:
        yield
    except InputError as error:
        schema = node.define_schema()
        names = {item.id for item in schema.inputs}
        where = error.input_name if error.input_name in names else input_name
        title, where = visible_input(schema.node_id, schema.display_name or schema.node_id, where)
        raise HiresFixError(f"{title}, input '{where}': {error}") from error
