"""Users and passwords of the API: HTTP's basic authentication, as A1111's `--api-auth` has it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

from .errors import refused


class AuthError(ValueError):
    """Users that cannot be read, as a sentence."""


def read_users(text: str) -> dict[str, str]:
    """Pairs `user:password`, parted by commas or line breaks; a password may have colons.

    Raises:
        AuthError: a pair without a colon, without a user or without a password; or no pair at all.
    """
    users = {}
    for number, pair in enumerate(filter(None, map(str.strip, text.replace(",", "\n").splitlines())), 1):
        user, colon, password = pair.partition(":")
        if not (user and colon and password):
            raise AuthError(f"Pair {number} of the users of A1111's API is not of the form user:password.")
        users[user] = password
    if not users:
        raise AuthError("The users of A1111's API are empty: give pairs user:password, parted by commas.")
    return users


def check(header: str | None, users: Mapping[str, str]) -> None:
    """Let a request's `Authorization` header pass, or raise ApiError 401. Takes as long for any user and password."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        raise refused(401, "Not authenticated")
    user, password = _credentials(encoded)
    # every pair is compared, so that the time tells nothing of which users there are
    same = [
        hmac.compare_digest(user.encode(), known.encode()) & hmac.compare_digest(password.encode(), secret.encode())
        for known, secret in users.items()
    ]
    if not any(same):
        raise refused(401, "Incorrect username or password")


def _credentials(encoded: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode(encoded).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        colon = user = password = ""
    if not colon:
        raise refused(401, "Invalid authentication credentials")
    return user, password
