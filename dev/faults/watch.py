"""What is done in worker processes, written down there; and what befalls them. Is sent whole: only standard modules."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import cloudpickle
from distributed import WorkerPlugin


class Watch(WorkerPlugin):
    """Adds a line to a file for every piece that a worker has done."""

    name = "watch"

    def __init__(self, log: str, poison: str, delay: float) -> None:
        """`poison`: a file; whoever takes a piece while it is there removes it and ends. `delay`: seconds a piece."""
        self.log, self.poison, self.delay = log, poison, delay

    def setup(self, worker: Any) -> None:
        functions = sys.modules["hires_fix_worker"].workplace.FUNCTIONS  # type: ignore[attr-defined]
        for name in ("upscale", "window", "redraw"):
            functions[name] = self.watched(getattr(functions[name], "plain", functions[name]))

    def watched(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def function(workplace: Any, piece: dict[str, Any], *code: str) -> Any:
            import hashlib
            import os
            import time

            try:
                os.remove(self.poison)
                os._exit(1)
            except FileNotFoundError:
                pass
            time.sleep(self.delay)
            answer = plain(workplace, piece, *code)
            place = piece.get("covered") or piece.get("box")
            name = piece.get("name") or f"{place} {hashlib.sha1(piece['data']).hexdigest()}"
            with open(self.log, "a") as file:
                file.write(f"{time.time()} {name}\n")
            return answer

        function.plain = plain  # type: ignore[attr-defined]
        return function


cloudpickle.register_pickle_by_value(sys.modules[__name__])
