"""The command of a worker: a scheduler, workers of this machine, or both. Needs `dask[distributed]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .entries import COMFYUI, FETCH, MODELS, THREADS, Entry, EntryError, check_address

WORKER = Path(__file__).absolute().parent.parent / "worker.py"

READY = "ready at "
"""Begins the line that tells the address, once work can be handed in."""

NEEDED = 'pip install "dask[distributed]"'

SETTINGS = {
    "distributed.scheduler.worker-ttl": "60 s",
    "distributed.scheduler.allowed-failures": 2,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.daemon": True,
    "distributed.admin.tick.limit": "1 h",  # whoever computes keeps its loop waiting; that is no fault
    "distributed.admin.large-graph-warning-threshold": "1 GB",  # whole picture files travel
    # Dask's own values give every freed piece of memory back, and networks then take half as long again
    "distributed.nanny.pre-spawn-environ": {
        "DASK_LOGGING__DISTRIBUTED": "warning",
        "MALLOC_ARENA_MAX": 1,
        "MALLOC_MMAP_THRESHOLD_": 2**25,
        "MALLOC_TRIM_THRESHOLD_": 2**30,
    },
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "logging": {"distributed": "warning"},
}
"""Of Dask."""

_NO_PAGES = "127.0.0.1:0"
"""Where Dask insists on a web server; it has no routes."""

_PATIENCE = 1.5
"""Seconds that a worker is asked to end before it is made to."""

_LOST, _LOOK = 15.0, 3.0
"""Seconds without an answer after which a worker's scheduler is lost; between two looks, and until an answer."""

_OF_COMFYUI = ("--database-url", "sqlite:///:memory:", "--disable-auto-launch", "--verbose", "WARNING")
"""Arguments of a worker's ComfyUI. Its database is not that of a server of the same folder, nor are its temporary
files, which it removes at its start."""

END_WITHIN = 8.0
"""Seconds that it takes at most to end."""


def main(arguments: Sequence[str]) -> int:
    """Work until it is ended; returns the exit status."""
    own, of_comfyui = _cut(arguments)
    options = _parser().parse_args(own)
    try:
        check_address(_entry(options), "the command")
    except EntryError as error:
        print(error, file=sys.stderr)
        return 2
    lacking = [folder for folder in options.models if not Path(folder).is_dir()]
    if lacking:
        print(f"There is no folder {lacking[0]}: --models names those that hold upscale models.", file=sys.stderr)
        return 2
    try:
        from dask import config

        config.set(SETTINGS)  # before the rest is loaded, which then is as quiet as these say
        import distributed  # noqa: F401 - whether it is there
    except ImportError:
        print(f"A worker needs a package that is not installed: {NEEDED}", file=sys.stderr)
        return 2
    if options.comfyui and not (Path(options.comfyui) / "main.py").is_file():
        print(f"There is no main.py in {options.comfyui}: --comfyui names the folder of ComfyUI.", file=sys.stderr)
        return 2
    if of_comfyui and not options.comfyui:
        print("What follows -- is for ComfyUI: name its folder with --comfyui.", file=sys.stderr)
        return 2
    try:
        comfyui = [str(Path(options.comfyui).absolute()), *of_comfyui] if options.comfyui else []
        with tempfile.TemporaryDirectory(prefix="hires-fix-", ignore_cleanup_errors=True) as temporary:
            return asyncio.run(_work(options, comfyui, Path(temporary)))
    except KeyboardInterrupt:
        return 0
    except (OSError, TimeoutError) as error:
        print(f"{options.address}: {error}. Is the address right, and is a scheduler there (--serve)?", file=sys.stderr)
        return 1
    except RuntimeError as error:  # of Dask's nannies
        print(f"A worker's process ended while it began: {error.__cause__ or error}", file=sys.stderr)
        return 1


def _cut(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What is for the worker, and behind `--` for its ComfyUI."""
    place = list(arguments).index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="worker.py",
        description="Upscales pictures, and draws windows of large ones, for a ComfyUI on this or another machine. "
        "Whoever reaches its port can run programs here: keep to 127.0.0.1, or use tls:// with certificates that only "
        "your machines have.",
        epilog="What follows -- are arguments of the ComfyUI, such as --base-directory or --extra-model-paths-config.",
    )
    parser.add_argument("address", help="of the scheduler: tcp://127.0.0.1:8786, or tls://HOST:PORT with certificates")
    parser.add_argument("--serve", action="store_true", help="be that scheduler, too; port 0 takes a free one")
    parser.add_argument(
        "--models", action="append", default=[], metavar="FOLDER", help="with upscale models; may be given repeatedly"
    )
    parser.add_argument(
        "--workers", type=int, default=-1, help="processes; default: one for each graphics card, or one"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of each; default: an equal share of all")
    parser.add_argument("--fetch", action="store_true", help="take models that are lacking from whoever hands in work")
    parser.add_argument(
        "--comfyui",
        default="",
        metavar="FOLDER",
        help="with ComfyUI and this pack, for windows that a diffusion model draws",
    )
    parser.add_argument("--ca", default="", help="certificate of the authority (PEM), for tls")
    parser.add_argument("--certificate", default="", help="of this machine (PEM), for tls")
    parser.add_argument("--key", default="", help="of this machine (PEM), for tls")
    parser.add_argument("--while-open", action="store_true", help="end when the standard input is closed")
    return parser


def _entry(options: argparse.Namespace) -> Entry:
    address = options.address
    if options.serve and address.endswith(":0"):
        address = f"{address[:-1]}1"  # a free port, which has a number only later
    return Entry("worker", scheduler=address, ca=options.ca, certificate=options.certificate, key=options.key)


def security(entry: Entry) -> Any:
    """Dask's form of an entry's certificates; None for tcp."""
    from distributed.security import Security

    if not entry.scheduler.startswith("tls:"):
        return None
    return Security(
        require_encryption=True,
        tls_ca_file=entry.ca,
        **{
            f"tls_{role}_{part}": path
            for role in ("client", "scheduler", "worker")
            for part, path in (("cert", entry.certificate), ("key", entry.key))
        },
    )


async def _work(options: argparse.Namespace, comfyui: Sequence[str], temporary: Path) -> int:
    """Returns the exit status. `comfyui`: its folder and the arguments that were given for it; `temporary`: a folder
    for its files."""
    import torch
    from distributed import Nanny, Scheduler

    from .dask_door import open_door

    open_door()  # a scheduler reads the names of functions
    secure = security(_entry(options))
    address, scheduler = options.address, None
    protocol, _, place = address.partition("://")
    if options.serve:
        host, _, port = place.rpartition(":")
        scheduler = await Scheduler(
            host=host, port=int(port), protocol=f"{protocol}://", dashboard=False, dashboard_address=_NO_PAGES,
            security=secure or {},
        )  # fmt: skip
        address = scheduler.address
    cards = _cards(torch.cuda.device_count())
    count = options.workers if options.workers >= 0 else max(1, len(cards))
    threads = options.threads or max(1, (os.cpu_count() or 1) // max(1, count))
    nannies = [
        Nanny(
            address,
            nthreads=1,
            memory_limit="0",
            preload=[str(WORKER)],
            protocol=f"{protocol}://",
            security=secure or {},
            host="127.0.0.1" if protocol == "tcp" else None,
            dashboard_address=_NO_PAGES,
            config=SETTINGS,
            env={
                MODELS: os.pathsep.join(str(Path(folder).absolute()) for folder in options.models),
                FETCH: "1" if options.fetch else "0",
                THREADS: str(threads),
                COMFYUI: json.dumps(_with_own(comfyui, str(temporary / str(index)), card)),
                "OMP_NUM_THREADS": str(threads),
                **({"CUDA_VISIBLE_DEVICES": card} if card else {}),
            },
        )
        for index, card in ((index, cards[index % len(cards)] if cards else "") for index in range(count))
    ]
    ended = asyncio.Event()
    if options.while_open:
        loop = asyncio.get_running_loop()
        threading.Thread(target=_wait_for_end, args=(loop, ended), daemon=True).start()
    ends: list[asyncio.Future[Any]] = [asyncio.ensure_future(ended.wait())]
    if not scheduler:
        ends.append(asyncio.ensure_future(_until_lost(address, secure)))
    # also while they begin: a worker's process waits for its scheduler for ever
    beginning = asyncio.gather(*nannies)
    await asyncio.wait([beginning, *ends], return_when=asyncio.FIRST_COMPLETED)
    if beginning.done():
        beginning.result()
        print(f"{READY}{address}", flush=True)
        servers = [*nannies, *([scheduler] if scheduler else [])]
        ends += [asyncio.ensure_future(server.finished()) for server in servers]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    else:
        beginning.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody asks for it
        beginning.cancel()
    is_lost = not scheduler and not ended.is_set()
    if is_lost:
        print(f"{address}: no scheduler answers, so this worker ends.", file=sys.stderr, flush=True)
    _end_soon()
    await asyncio.gather(*(nanny.close(timeout=_PATIENCE) for nanny in nannies), return_exceptions=True)
    if scheduler:
        await scheduler.close()
    return int(is_lost)


async def _until_lost(address: str, secure: Any) -> None:
    """Return when no scheduler has answered for a time."""
    from distributed.comm.core import connect

    options = secure.get_connection_args("worker") if secure else {}
    answered = time.monotonic()
    while time.monotonic() - answered < _LOST:
        await asyncio.sleep(_LOOK)
        with contextlib.suppress(OSError, TimeoutError):
            await (await connect(address, timeout=_LOOK, **options)).close()
            answered = time.monotonic()


def _with_own(comfyui: Sequence[str], temporary: str, card: str) -> list[str]:
    """The folder of a ComfyUI and its arguments, of which the last ones hold: those of one worker."""
    if not comfyui:
        return []
    return [*comfyui, *_OF_COMFYUI, "--temp-directory", temporary, *(["--cuda-device", card] if card else [])]


def _cards(count: int) -> list[str]:
    """The names of this process' graphics cards, as CUDA_VISIBLE_DEVICES has them."""
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return named[:count] if named else [str(index) for index in range(count)]


def _end_soon() -> None:
    """Whatever hangs, nobody needs it any more."""
    timer = threading.Timer(END_WITHIN, os._exit, (1,))
    timer.daemon = True
    timer.start()


def _wait_for_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    # not by sys.stdin, whose lock a thread that waits holds at the end of the process
    while os.read(sys.stdin.fileno(), 1):
        pass
    _end_soon()
    loop.call_soon_threadsafe(ended.set)
