"""Many clients at once: every reply must be right and belong to its request, and nothing may be left behind."""

from __future__ import annotations

import base64
import io
import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..fuzz.growth import Growth
from ..host.comfyui_host import ComfyUIHost
from ..parity.http.caller import Reply, call
from .asks import Ask

TIMEOUT = 600.0
"""Seconds after which a reply counts as one that does not come."""

_POLL = 0.1
_TOLD = 10
"""Replies between two lines of progress."""

_STAY = 0.5
"""Seconds that a client stays before it goes away: by then its request has been read."""

_SENT = "hires-fix-api-"
_UNFINISHED = (".part", ".tmp", ".hires-fix-")


@dataclass
class Outcome:
    """What came of all requests."""

    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    replies: dict[str, int] = field(default_factory=dict)
    """By kind."""

    interrupted: list[float] = field(default_factory=list)
    """Seconds between an interrupt and the reply of its job."""

    growth: Growth | None = None

    def lines(self) -> list[str]:
        """The report."""
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.replies.items()))
        lines = [f"{sum(self.replies.values())} requests in {self.seconds:.0f} s: {kinds}"]
        if self.interrupted:
            middle, most = statistics.median(self.interrupted), max(self.interrupted)
            lines.append(f"Interrupted jobs answered after {middle:.2f} s in the middle, {most:.2f} s at most.")
        if self.growth:
            lines.append(self.growth.text())
        lines.append(f"{len(self.problems)} problems" if self.problems else "No problems.")
        return lines + [f"  {problem}" for problem in self.problems]


class Clients:
    """Everybody who asks a server for something."""

    def __init__(self, host: ComfyUIHost, say: Callable[[str], None] = lambda line: None) -> None:
        """`say`: told how far it is."""
        self._host, self._port, self._say = host, int(host.url.rpartition(":")[2]), say
        self._started = time.monotonic()
        self.outcome = Outcome(growth=Growth(host.pid))
        self._lock = threading.Lock()
        self._drawn: dict[int, list[NDArray[np.uint8]]] = {}

    def play(self, asks: Sequence[Ask], threads: int, again: int | None = None) -> Outcome:
        """Send all, judge what came back, and send those that were right once more, one after the other.

        `again`: how many of these; by default all.
        """
        saved, before = self._saved(), left_over(self._host.base)
        self._started = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            sent = [pool.submit(self._one, number, ask) for number, ask in enumerate(asks)]
            for done, _ in enumerate(as_completed(sent), 1):
                self._tell(done, len(asks), "replies")
        self._until_idle()
        self.outcome.seconds = time.monotonic() - self._started
        wanted = sum(ask.pictures for ask in asks if ask.kind == "right" and ask.body.get("save_images"))
        self._judge_files(self._saved() - saved, wanted, before)
        self._judge_gone([ask for ask in asks if ask.kind == "gone"])
        own = [number for number, ask in enumerate(asks) if ask.kind == "right"]
        for done, number in enumerate(own[:again], 1):
            self._alone(number, asks[number])
            self._tell(done, len(own[:again]), "once more, alone")
        self._all_differ(asks)
        for finding in self.outcome.growth.findings() if self.outcome.growth else ():
            self._problem(finding.text)
        return self.outcome

    def _tell(self, done: int, count: int, what: str) -> None:
        if done % _TOLD == 0 or done == count:
            problems = f", {len(self.outcome.problems)} problems" if self.outcome.problems else ""
            self._say(f"  {done} of {count} {what}, {time.monotonic() - self._started:.0f} s{problems}")

    def _problem(self, text: str) -> None:
        with self._lock:
            self.outcome.problems.append(text)

    def _one(self, number: int, ask: Ask) -> None:
        try:
            if ask.kind == "gone":
                self._go_away(ask)
            else:
                reply = self._interrupted(ask) if ask.kind == "interrupted" else self._post(ask)
                self._judge(number, ask, reply)
        except Exception as error:  # of a reply that nobody foresaw: the others go on
            self._problem(f"{ask.name}: {type(error).__name__}: {error}")
        with self._lock:
            self.outcome.replies[ask.kind] = self.outcome.replies.get(ask.kind, 0) + 1
            if self.outcome.growth:
                self.outcome.growth.note()

    def _post(self, ask: Ask) -> Reply:
        return call(self._port, "POST", ask.path, ask.raw, {"Content-Type": "application/json"}, TIMEOUT)

    def _get(self, path: str) -> Any:
        return call(self._port, "GET", path, None, {}, TIMEOUT).content

    def _go_away(self, ask: Ask) -> None:
        with socket.create_connection(("127.0.0.1", self._port)) as line:
            head = f"POST {ask.path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Length: {len(ask.raw)}\r\n\r\n"
            line.sendall(head.encode() + ask.raw)
            time.sleep(_STAY)

    def _interrupted(self, ask: Ask) -> Reply:
        """Interrupt the job when it has begun to draw."""
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self._post, ask)
            while not running.done():
                state = self._get("/sdapi/v1/progress?skip_current_image=true")["state"]
                if state["job"].endswith(f" out of {ask.body['n_iter']}") and state["sampling_step"] > 1:
                    asked = time.monotonic()
                    call(self._port, "POST", "/sdapi/v1/interrupt", b"", {}, TIMEOUT)
                    running.result()
                    with self._lock:
                        self.outcome.interrupted.append(time.monotonic() - asked)
                    break
                time.sleep(_POLL)
            return running.result()

    def _judge(self, number: int, ask: Ask, reply: Reply) -> None:
        content = reply.content
        if reply.status != ask.status or ask.words not in json.dumps(content):
            self._problem(f"{ask.name}: {reply.status} {json.dumps(content)[:300]}")
            return
        if ask.kind == "broken":
            return
        pictures = pictures_of(content)
        info = json.loads(content["info"]) if "info" in content else {}
        wrong = {key: info.get(key) for key, value in ask.info if info.get(key) != value}
        if wrong:
            self._problem(f"{ask.name}: info has {wrong}")
        if ask.kind == "interrupted":
            if not pictures or len(pictures) >= ask.body["n_iter"]:
                self._problem(f"{ask.name}: {len(pictures)} pictures of {ask.body['n_iter']}")
            return
        sizes = [picture.size for picture in pictures]
        if sizes != [ask.size] * ask.pictures:
            self._problem(f"{ask.name}: pictures of {sizes}")
        if [picture.info.get("parameters") for picture in pictures] != info.get("infotexts", [None]):
            self._problem(f"{ask.name}: the texts in the pictures are not those of the reply")
        self._drawn[number] = [np.asarray(picture) for picture in pictures]

    def _alone(self, number: int, ask: Ask) -> None:
        """The same request without others gives the same pictures."""
        before = self._drawn.get(number)
        after = [np.asarray(picture) for picture in pictures_of(self._post(ask).content)]
        if before is not None and not all(map(np.array_equal, before, after)):
            self._problem(f"{ask.name}: the picture is not the one that the request gives alone")

    def _all_differ(self, asks: Sequence[Ask]) -> None:
        seen: dict[bytes, str] = {}
        for number, pictures in self._drawn.items():
            for picture in pictures:
                other = seen.setdefault(picture.tobytes(), asks[number].name)
                if other != asks[number].name:
                    self._problem(f"{asks[number].name}: has the picture of {other}")

    def _until_idle(self) -> None:
        """Wait until the jobs of those who went away are over; a stuck one is a problem."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            queue, state = self._get("/queue"), self._get("/sdapi/v1/progress?skip_current_image=true")["state"]
            if not queue["queue_running"] and not queue["queue_pending"] and not state["job_count"]:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL)
        self._problem(f"not idle {TIMEOUT:g} s after the last reply: {str(queue)[:200]}, {state}")

    def _judge_gone(self, asks: Sequence[Ask]) -> None:
        entries = [json.dumps(entry) for entry in self._get("/history").values() if _is_done(entry)]
        for ask in asks:
            if not any(ask.body["prompt"] in entry for entry in entries):
                self._problem(f"{ask.name}: was not drawn to its end")

    def _saved(self) -> set[Path]:
        return set((self._host.base / "output").rglob("*.png"))

    def _judge_files(self, saved: set[Path], wanted: int, before: list[str]) -> None:
        if len(saved) != wanted:
            self._problem(f"{len(saved)} pictures were saved, of {wanted} that were to be")
        for path in saved:
            try:
                with Image.open(path) as opened:
                    opened.load()
            except OSError as error:
                self._problem(f"{path.name}: {error}")
        self.outcome.problems += [text for text in left_over(self._host.base) if text not in before]


def left_over(base: Path) -> list[str]:
    """Files in a server's folders that nobody waits for any more: pictures of requests, and unfinished ones."""
    files = [file for folder in ("output", "temp", "input", "user") for file in (base / folder).rglob("*")]
    wrong = [f for f in files if f.name.startswith((_SENT, *_UNFINISHED)) or f.suffix in _UNFINISHED]
    return [f"left over: {file.relative_to(base)}" for file in wrong]


def _is_done(entry: dict[str, Any]) -> bool:
    return entry["status"]["status_str"] == "success"


def pictures_of(content: Any) -> list[Image.Image]:
    """The pictures of a reply."""
    texts = content["images"] if "images" in content else [content["image"]]
    found = []
    for text in texts:
        image = Image.open(io.BytesIO(base64.b64decode(text)))
        image.load()
        found.append(image)
    return found
