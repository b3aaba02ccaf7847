"""Recorded exchanges on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ..cases import CaseError, with_pictures

REQUEST = "request.json"

_WIRE = "wire-*/[0-9]*.json"
"""Logs of a client library: one file for each of its calls, in their order."""

_USER = ("user", "secret")
"""Whom such a log does not name; its calls "wrong" have another password."""

_GENERATING = ("/txt2img", "/img2img", "/extra-single-image", "/extra-batch-images")


@dataclass(frozen=True)
class Exchange:
    """One request with A1111's reply."""

    folder: Path
    """Holds request.json, response.json and the pictures."""
    request: dict[str, Any]
    response: dict[str, Any]

    @property
    def id(self) -> str:
        return self.request["id"]

    @property
    def session(self) -> str:
        """Which server it was sent to."""
        return self.request["session"]

    @property
    def order(self) -> int:
        return self.request["order"]

    @property
    def method(self) -> str:
        return self.request["method"]

    @property
    def path(self) -> str:
        """Without parameters."""
        return self.request["path"]

    @property
    def target(self) -> str:
        query = self.request.get("query")
        return f"{self.path}?{urlencode(query)}" if query else self.path

    @property
    def sent(self) -> Any:
        """The JSON of its body, if it has one; pictures are `{"$file": name}`."""
        return self.request.get("json")

    @property
    def is_generating(self) -> bool:
        """It asks for pictures, and gets them."""
        return self.path.endswith(_GENERATING) and self.status == 200

    @property
    def status(self) -> int | None:
        """None: there was no reply."""
        return self.response.get("status")

    @property
    def reply(self) -> Any:
        """The JSON of the reply, or its text."""
        return self.response.get("json", self.response.get("text"))

    @property
    def is_logged(self) -> bool:
        """It is from the log of a client library, which began on a server that had worked before."""
        return self.session.startswith("wire-")

    @property
    def is_run(self) -> bool:
        """Others were sent while it ran."""
        return self.request.get("tags") == ["during"]

    @cached_property
    def polls(self) -> list[dict[str, Any]]:
        """What progress told while it ran, see `polls`; empty where nobody asked."""
        file = self.folder / "progress_polled.json"
        return json.loads(file.read_text("utf-8"))["polls"] if self.is_run and file.is_file() else []

    @property
    def during(self) -> str | None:
        """The id of the run that it was sent in."""
        tags = self.request.get("tags") or []
        return tags[1] if len(tags) == 2 and tags[0] == "during" else None

    @cached_property
    def body(self) -> bytes | None:
        if "raw_body" in self.request:
            return self.request["raw_body"].encode("utf-8")
        if "json" not in self.request or self.method == "GET":
            return None
        return b"" if self.sent is None else json.dumps(with_pictures(self.sent, self.picture)).encode("utf-8")

    def picture(self, name: str) -> bytes:
        """The bytes of a picture of this exchange."""
        file = self.folder / name
        if not file.is_file():
            raise CaseError(f"{self.id} names the picture {name}, which is not in {self.folder}.")
        return file.read_bytes()


def holds_exchanges(folder: Path) -> bool:
    """Whether a folder of recordings is of this kind."""
    return any(folder.glob(f"*/{REQUEST}"))


def discover(folder: Path, only: Iterable[str] = ()) -> list[list[Exchange]]:
    """The exchanges of each session, in their order. `only`: ids to keep; what changes settings is kept with them.

    Raises CaseError: no such id.
    """
    found = [_read(file) for file in sorted(folder.glob(f"*/{REQUEST}"))]
    for file in sorted(folder.glob(_WIRE)):
        found += _of_call(file, len(found))
    wanted = set(only)
    unknown = wanted - {exchange.id for exchange in found}
    if unknown:
        raise CaseError(f"There is no exchange {', '.join(sorted(unknown))} in {folder}.")
    if wanted:
        wanted |= {exchange.during for exchange in found if exchange.id in wanted and exchange.during}
        last = {e.session: e.order for e in sorted(found, key=lambda e: e.order) if e.id in wanted}
        found = [e for e in found if e.id in wanted or (_changes(e) and e.order < last.get(e.session, -1))]
    sessions: dict[str, list[Exchange]] = {}
    for exchange in sorted(found, key=lambda exchange: exchange.order):
        sessions.setdefault(exchange.session, []).append(exchange)
    return list(sessions.values())


def _changes(exchange: Exchange) -> bool:
    return exchange.method == "POST" and exchange.path.endswith("/options")


def _read(file: Path) -> Exchange:
    request, response = (json.loads((file.parent / name).read_text("utf-8")) for name in (REQUEST, "response.json"))
    return Exchange(file.parent, request, response)


def _of_call(file: Path, order: int) -> list[Exchange]:
    """The exchanges of one call in the log of a client library, which is a session of its own."""
    log, session = json.loads(file.read_text("utf-8")), file.parent.name
    found = []
    for number, sent in enumerate(log["wire"]):
        headers = dict(sent["headers"])
        request = {
            "id": f"{session}/{file.stem}" + (f"-{number}" if len(log["wire"]) > 1 else ""),
            "session": session,
            "order": order + number,
            **{key: sent[key] for key in ("method", "path", "json")},
            "query": dict(parse_qsl(sent["query"])),
        }
        if headers.pop("Authorization", None):
            request["basic_auth"] = (_USER[0], "wrong" if "wrong" in log["call"] else _USER[1])
        reply = sent["reply"]
        is_text = isinstance(reply, dict) and "$text" in reply
        response = {"status": sent["status"], "headers": sent["reply_headers"]}
        response |= {"text": reply["$text"]} if is_text else {"json": reply}
        found.append(Exchange(file.parent, {**request, "headers": headers}, response))
    return found
