"""Sending a request as it was recorded: no redirects followed, nothing added."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .exchanges import Exchange


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int | None
    """None: nothing did."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in small letters."""
    body: bytes = b""

    @property
    def content(self) -> Any:
        """The JSON, or the text."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace")


def send(port: int, exchange: Exchange, timeout: float) -> Reply:
    """Send an exchange's request to a server on this machine."""
    headers = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", **(exchange.request.get("headers") or {})}
    if exchange.body is not None:
        headers.setdefault("Content-Type", "application/json")
    user = exchange.request.get("basic_auth")
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(user).encode()).decode("ascii")
    return call(port, exchange.method, exchange.target, exchange.body, headers, timeout)


def call(port: int, method: str, target: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Reply:
    """Any request. A server that goes away or takes longer than `timeout` seconds gives a reply without a status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, target, body, dict(headers))
        answer = connection.getresponse()
        content = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if found.get("content-encoding") == "gzip" and content:
            content = gzip.decompress(content)
        return Reply(answer.status, found, content)
    except (OSError, http.client.HTTPException) as error:
        return Reply(None, {}, f"{type(error).__name__}: {error}".encode())
    finally:
        connection.close()
