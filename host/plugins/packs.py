"""Which pack is meant: errors are named after it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...hires.errors import InputError
from ..memory import is_out_of_memory


class PluginError(ValueError):
    """A pack asks for something that cannot be registered: a mistake of its code, for its author to read."""


def pack_of(module_name: str) -> str:
    """The folder, in `custom_nodes`, of the pack that a module belongs to; of others, the package they belong to.

    The host names a pack by its path with every dot replaced, so that what follows a dot is inside of it.
    """
    return re.split(r"[\\/]", module_name)[-1].partition(".")[0].replace("_x_", ".")


@dataclass(frozen=True)
class Owner:
    """Who brought something."""

    text: str
    """In a sentence: "the pack 'sample'"."""

    remedy: str
    """What to do where it fails, as sentences."""

    @classmethod
    def of_pack(cls, pack: str) -> Owner:
        remedy = "Do without it or update that pack; if that does not help, tell its author."
        return cls(f"the pack '{pack}'", remedy)


@contextmanager
def named_after(owner: Owner, what: str, error_type: type[InputError], input_name: str) -> Iterator[None]:
    """Say of everything that goes wrong that `what` of this owner has failed; out of memory and cancels pass.

    Raises:
        InputError: of `error_type`, caused by what was raised.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        raise error_type(f"{what} of {owner.text} failed: {reason.rstrip('.')}. {owner.remedy}", input_name) from error
