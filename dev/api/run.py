"""All that `dev.py api` tries, one after the other."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..fixtures import library
from ..host.comfyui_host import ComfyUIHost
from .asks import asks
from .described import read_description, send_all
from .killed import kill
from .load import Clients

CHECKPOINT, UPSCALER = "tiny_sd15", "tiny_compact_x2"

_AGAIN = 40
"""So many of the right ones are sent once more, alone: each draws its picture again."""

# handles and threads of the allocator would hide what the server itself takes
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def run(options: argparse.Namespace, say: Callable[[str], None]) -> tuple[dict[str, Any], int]:
    """The problems by what was tried, and the exit status: 1 where there are any."""
    files = library.ensure(say=say)
    models = {"checkpoints": files.checkpoints[1:], "upscale_models": files.upscale_models}
    found: dict[str, Any] = {}
    # so many results of nodes; the host's usual cache keeps all until memory is short: growth could not be told
    with ComfyUIHost(models=models, env=_ENVIRONMENT, arguments=["--cache-lru", "40"], start_timeout=600) as host:
        if options.requests:
            say(f"{options.requests} requests of {options.threads} clients at once")
            sent = asks(options.requests, options.seed, CHECKPOINT, UPSCALER)
            outcome = Clients(host, say).play(sent, options.threads, again=_AGAIN)
            say("\n".join(outcome.lines()))
            found["load"] = outcome.problems
        if options.described:
            say(f"{options.described} requests of the server's description")
            port = int(host.url.rpartition(":")[2])
            answers = send_all(port, read_description(port, CHECKPOINT), options.described, options.seed, say)
            say("\n".join(answers.lines()))
            found["described"] = answers.problems
            if not host.alive:
                found["died"] = host.log_tail()
    if options.kill:
        say("A server that is killed at work")
        found["killed"] = kill(models, CHECKPOINT, _ENVIRONMENT)
        say("\n".join([*found["killed"], f"{len(found['killed'])} problems" if found["killed"] else "No problems."]))
    return found, int(any(found.values()))
