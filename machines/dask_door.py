"""The one function that is called by its name in another process, in a module that has the same name in all of them.

The pack itself is called after its folder.
"""

from __future__ import annotations

import sys
from typing import Any

from . import workplace

NAME = "hires_fix_worker"


def call(name: str, *arguments: Any) -> Any:
    """See `workplace.call`. An answer that says `who` gave it also says `at` which address."""
    answer = workplace.call(name, *arguments)
    if isinstance(answer, dict) and "who" in answer:
        from distributed import get_worker

        answer["at"] = get_worker().address
    return answer


def open_door() -> None:
    """Let Python find this module by `NAME`; pickle then names the function so."""
    sys.modules[NAME] = sys.modules[__name__]
    call.__module__ = NAME
