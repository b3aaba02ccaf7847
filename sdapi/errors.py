"""Errors in the forms that clients of A1111 know, each with its HTTP status."""

from __future__ import annotations

import json
from typing import Any


class ApiError(Exception):
    """A reply that is no success.

    `status`: HTTP status, 400 to 599. `body`: what is sent, as JSON.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body

    def __str__(self) -> str:
        return f"{self.status}: {json.dumps(self.body, ensure_ascii=False)}"


def refused(status: int, sentence: str) -> ApiError:
    """A refusal in words: `detail` holds the sentence (A1111's HTTPException)."""
    return ApiError(status, _form("HTTPException", detail=sentence))


def failed(kind: str, sentence: str) -> ApiError:
    """A failure of a job: status 500, `error` the kind ("RuntimeError"), `errors` the sentence.

    Clients show either text; A1111 has Python's class names as kinds.
    """
    return ApiError(500, _form(kind, errors=sentence))


def bare(status: int, detail: str) -> ApiError:
    """What the web framework itself answers: no such route, wrong method."""
    return ApiError(status, {"detail": detail})


def invalid(*problems: dict[str, Any]) -> ApiError:
    """A body that does not fit: status 422, one entry for each field (see `problem`)."""
    return ApiError(422, {"detail": list(problems)})


def problem(where: tuple[str | int, ...], message: str, kind: str, **context: object) -> dict[str, Any]:
    """An entry of `invalid`. `where`: the path in the body, ("steps",); `kind`: pydantic 1's, "type_error.integer"."""
    entry: dict[str, Any] = {"loc": ["body", *where], "msg": message, "type": kind}
    return {**entry, "ctx": context} if context else entry


def _form(kind: str, detail: str = "", errors: str = "") -> dict[str, Any]:
    return {"error": kind, "detail": detail, "body": "", "errors": errors}
