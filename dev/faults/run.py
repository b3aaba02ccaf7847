"""Do what can go wrong to workers and to their master, and look at what comes out. `dev.faults.run --help`.

Every case ends with the bytes of a run without workers, or is listed with what is the matter; the exit status says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from ...machines.serving import READY, WORKER
from .. import mount
from ..fixtures import upscalers
from .cancel import Cancel, cancels
from .namespace import Machine, other_machine
from .redraw import Master, Redraw
from .watch import Watch

CABLE_PULLED = "cable pulled"
FAULTS = ("none", "killed", "frozen", "exit inside a piece", "late", "scheduler killed", "master killed")
_PATIENCE = 600.0
_KILLS = 10
"""Of a master, in one job."""


@dataclass(frozen=True)
class Row:
    job: str
    workers: int
    fault: str
    seconds: float
    equal_bytes: bool
    most_done: int
    """How often the piece that was done most often was."""
    pause: float
    """Longest time without a result after the fault, in seconds."""


class Bench:
    """A job, its pictures, and what a run without workers makes of them."""

    def __init__(self, folder: Path, job: str, files: int, sides: tuple[int, int], delay: float) -> None:
        self.folder, self.job, self.delay = folder / job, job, delay
        self.source, self.models = self.folder / "source", folder / "models"
        self.source.mkdir(parents=True)
        self.models.mkdir(exist_ok=True)
        upscalers.write_all(self.models)
        random_levels = np.random.default_rng(1)
        for index in range(files):
            levels = random_levels.integers(0, 256, (*sides[::-1], 3), np.uint8)
            Image.fromarray(levels).save(self.source / f"{index:04}.png", compress_level=1)
        self.runs = 0
        self.target = self.log = self.pieces = Path()
        self.begin()
        self.finish(self.start(None))
        self.expected, self.places = self.found(), len(_lines(self.log))

    @property
    def comfyui(self) -> list[str]:
        """What workers of this job need: the folder of a ComfyUI, and its arguments."""
        return []

    def close(self) -> None:
        """Let go of what was started."""

    def begin(self) -> None:
        """A case of its own: nothing is there yet."""
        self.runs += 1
        self.target = self.folder / f"made {self.runs}"
        self.target.mkdir()
        self.log, self.pieces = (self.folder / f"{name} {self.runs}" for name in ("results", "pieces"))
        self.log.touch()
        self.pieces.touch()

    def start(self, server: Server | None) -> subprocess.Popen[bytes] | Master:
        values = {
            "source": self.source, "target": self.target, "model": self.models / upscalers.RANDOM[2], "log": self.log,
            "pieces": self.pieces, "poison": self.poison, "scheduler": server.address if server else "",
            "delay": self.delay, **(server.certificates if server else {}),
        }  # fmt: skip
        options = [word for name, value in values.items() if value != "" for word in (f"--{name}", str(value))]
        return subprocess.Popen([sys.executable, *mount.command("dev.faults.master"), self.job, *options])

    @property
    def poison(self) -> Path:
        return self.folder / "poison"

    def finish(self, master: subprocess.Popen[bytes] | Master) -> None:
        status = master.wait(_PATIENCE)
        if status:
            raise RuntimeError(f"the master of {self.job} ended with {status}")

    def found(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.target.iterdir()}

    def results(self) -> list[float]:
        return [float(line.split()[0]) for line in _lines(self.log)]

    def reached(self) -> int:
        """How many results there are; a window that an earlier master wrote down is written once more by the next."""
        return len({line.partition(" ")[2] for line in _lines(self.log)})

    def until(self, count: int, master: subprocess.Popen[bytes] | Master) -> None:
        """Wait for so many results."""
        while self.reached() < count and master.poll() is None:
            time.sleep(0.02)

    def case(self, server: Server, workers: int, fault: str) -> Row:
        self.begin()
        started = time.time()
        if fault == "late":
            server.more()
        master = self.start(server)
        self.until(max(1, self.places // 4), master)
        since = time.time()
        if fault == "killed":
            os.kill(server.processes()[0], signal.SIGKILL)
        elif fault == "frozen":
            os.kill(server.processes()[0], signal.SIGSTOP)
        elif fault == "exit inside a piece":
            self.poison.touch()
        elif fault == "scheduler killed":
            server.end(kill=True)
        elif fault == CABLE_PULLED and server.machine:
            server.machine.unplug()
        elif fault == "master killed":
            master = self._killed(master, server)
        self.finish(master)
        if fault == "frozen":
            for process in server.processes():
                os.kill(process, signal.SIGCONT)
        if fault == CABLE_PULLED and server.machine:
            server.machine.unplug(False)
        done = Counter(line.partition(" ")[2] for line in _lines(self.pieces))
        times = [since, *(one for one in self.results() if one > since)]
        pause = max((after - before for before, after in pairwise(times)), default=0.0)
        return Row(
            self.job, workers, fault, time.time() - started, self.found() == self.expected,
            max(done.values(), default=0), pause,
        )  # fmt: skip

    def _killed(self, master: subprocess.Popen[bytes] | Master, server: Server) -> subprocess.Popen[bytes] | Master:
        """Several times, each after a number of new results that chance says."""
        for _ in range(_KILLS):
            self.until(self.reached() + random.randint(1, max(1, self.places // 12)), master)
            time.sleep(random.random() * 0.2)
            if master.poll() is not None:
                break
            master.kill()
            master.wait()
            master = self.start(server)
        return master


class RedrawBench(Bench):
    """Tiled Redraw. Its results are the pieces that workers have done."""

    def __init__(self, folder: Path, width: int, delay: float) -> None:
        self.folder, self.job, self.delay, self.runs = folder / "redraw", "redraw", delay, 0
        self.models = folder / "models"
        self.models.mkdir(exist_ok=True)
        self._redraw = Redraw(self.folder, width)
        try:
            self.begin()
            self.finish(self.start(None))
        except BaseException:
            self.close()
            raise
        self.expected, self.places = self.found(), self._redraw.windows

    @property
    def comfyui(self) -> list[str]:
        return self._redraw.comfyui

    def close(self) -> None:
        self._redraw.stop()

    def begin(self) -> None:
        super().begin()
        self.target, self.log = self._redraw.target(self.target.name), self.pieces

    def start(self, server: Server | None) -> Master:
        watch = Watch(str(self.pieces), str(self.poison), self.delay)
        return self._redraw.start(self.target.name, server.address if server else "", watch)


class Server:
    """A scheduler with workers."""

    def __init__(self, models: Path, workers: int, machine: Machine | None = None, comfyui: Sequence[str] = ()) -> None:
        """`machine`: where it is to be, if not here. `comfyui`: see `Bench`."""
        self._models, self.machine, self._started = models, machine, list[subprocess.Popen[str]]()
        self._comfyui = ["--comfyui", comfyui[0], "--", *comfyui[1:]] if comfyui else []
        self.certificates = machine.certificates if machine else {}
        address = machine.address if machine else "tcp://127.0.0.1:0"
        server = self._start("--serve", address, "--workers", str(workers))
        assert server.stdout is not None
        self.address = next(line for line in server.stdout if line.startswith(READY)).removeprefix(READY).strip()

    def _start(self, *options: str) -> subprocess.Popen[str]:
        command = [*(self.machine.prefix if self.machine else []), sys.executable, str(WORKER), *options]
        command += ["--threads", "1", "--models", str(self._models)]
        command += [word for name, path in self.certificates.items() for word in (f"--{name}", path)]
        command += ["--while-open", *self._comfyui]
        self._started.append(subprocess.Popen(command, stdin=-1, stdout=-1, text=True))
        return self._started[-1]

    def more(self) -> None:
        """One more worker."""
        self._start(self.address, "--workers", "1")

    def processes(self) -> list[int]:
        """Of workers."""
        below = [one for started in self._started for one in _children(started.pid)]
        return [one.pid for one in below if "spawn_main" in " ".join(_words(one))]

    def fewer(self) -> None:
        """Kill one worker, if there are several; processes that were started beside it begin it again."""
        some = self.processes()
        if len(some) > 1:
            os.kill(random.choice(some), signal.SIGKILL)

    def end(self, kill: bool = False) -> None:
        for one in self._started:
            assert one.stdin is not None
            one.stdin.close()
            if kill:
                one.kill()
        for one in self._started:
            one.wait(60)


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def _children(process: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(process).children(recursive=True)
    return []


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def main() -> int:
    options = _parser().parse_args()
    random.seed(options.seed)
    rows, problems = list[Row | Cancel](), 0
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        machine = stack.enter_context(other_machine(Path(temporary))) if options.namespace else None
        faults = [*options.faults, *([CABLE_PULLED] if machine else [])]
        for count in (0, *options.workers) if "cancel" in options.jobs and not options.soak else ():
            for cancel in cancels(Path(temporary) / f"cancel {count}", count):
                rows.append(cancel)
                problems += not cancel.is_right
                print(f"{'' if cancel.is_right else 'WRONG '}{cancel}", flush=True)
        for bench in _benches(options, Path(temporary)):
            if options.soak:
                problems += _soak(bench, options.soak)
                continue
            for count in options.workers:
                server = Server(bench.models, count, machine, bench.comfyui)
                for fault in faults:
                    if len(server.processes()) < count or fault in ("killed", "late"):
                        server.end()
                        server = Server(bench.models, count, machine, bench.comfyui)
                    row = bench.case(server, count, fault)
                    rows.append(row)
                    is_right = row.equal_bytes and row.most_done <= _most(count, fault)
                    problems += not is_right
                    print(f"{'' if is_right else 'WRONG '}{row}", flush=True)
                server.end()
    if options.json:
        options.json.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1))
    print(f"{problems} problems")
    return 1 if problems else 0


def _most(workers: int, fault: str) -> int:
    """How often a piece may be done: once more than there are workers."""
    return workers + 1 + (fault == "late")


def _benches(options: argparse.Namespace, folder: Path) -> Iterator[Bench]:
    makers: dict[str, Callable[[], Bench]] = {
        "folder": lambda: Bench(folder, "folder", options.files, (96, 96), options.delay),
        "windows": lambda: Bench(folder, "windows", 1, (options.width, options.width * 9 // 16), options.delay),
        "redraw": lambda: RedrawBench(folder, options.redraw_width, options.delay),
    }
    if options.namespace or options.soak:
        del makers["redraw"]
    for job in options.jobs:
        if job in makers:
            bench = makers[job]()
            try:
                yield bench
            finally:
                bench.close()


def _soak(bench: Bench, minutes: float) -> int:
    """Workers come and go at random until a folder is done; returns the number of problems."""
    server = Server(bench.models, 2)
    bench.delay = 2 * 60 * minutes / bench.places
    bench.begin()
    master = bench.start(server)
    bench.until(bench.places // 10, master)
    memory, events = list[int](), 0
    process = psutil.Process(master.pid)
    while master.poll() is None:
        with contextlib.suppress(psutil.Error):
            memory.append(process.memory_info().rss)
        if random.random() < 0.15:
            events += 1
            (server.fewer if random.random() < 0.7 else server.more)()
        time.sleep(1)
    server.end()
    names = Counter(line.split()[1] for line in _lines(bench.log))
    once = len(names) == bench.places and set(names.values()) == {1}
    thirds = [sum(part) / len(part) / 1e6 for part in np.array_split(memory, 3) if len(part)]
    print(
        f"soak: {bench.places} pictures, {minutes:g} minutes, {events} times a worker came or went; all once: {once}, "
        f"equal bytes: {bench.found() == bench.expected}; memory of the master in MB, by thirds: "
        f"{', '.join(f'{one:.0f}' for one in thirds)}, most {max(memory, default=0) / 1e6:.0f}",
        flush=True,
    )
    return int(not once) + int(bench.found() != bench.expected) + int(thirds[-1] > 1.1 * thirds[0])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.faults.run", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    jobs = ["folder", "windows", "redraw", "cancel"]
    of_jobs = "redraw: not with --namespace or --soak; cancel: of folder and windows, on a real ComfyUI"
    parser.add_argument("--jobs", nargs="+", choices=jobs, default=jobs, help=of_jobs)
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS)
    parser.add_argument("--files", type=int, default=200, help="of the folder (default: 200)")
    parser.add_argument("--width", type=int, default=3840, help="of the large picture; its result has twice that")
    parser.add_argument("--redraw-width", type=int, default=1024, help="of the picture that is redrawn (1024)")
    parser.add_argument("--delay", type=float, default=0.25, help="seconds that a piece takes longer (default: 0.25)")
    parser.add_argument("--namespace", action="store_true", help="workers in a network namespace, by tls (as root)")
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES", help="workers come and go for so long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    return parser
