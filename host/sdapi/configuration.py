"""What this server's owner has decided about the API: environment variables, and a setting of the editor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import folder_paths

from ...sdapi.auth import AuthError, read_users
from ...sdapi.options import Options
from .houses import house
from .lists import model_lists

SWITCH, USERS, USERS_FILE, PORT = (
    "HIRES_FIX_API",
    "HIRES_FIX_API_AUTH",
    "HIRES_FIX_API_AUTH_FILE",
    "HIRES_FIX_API_PORT",
)
"""Environment variables: `off`; pairs user:password; a file of such pairs; a port on this machine alone."""

SETTING = "HiresFix.A1111Api"
"""Id of the editor's setting that turns it off."""

_OFF, _ON = ("off", "0", "false", "no"), ("", "on", "1", "true", "yes")


class ConfigurationError(Exception):
    """A variable that cannot be followed, as a sentence: then the API stays off."""


@dataclass(frozen=True)
class Configuration:
    is_on: bool = True
    users: Mapping[str, str] = field(default_factory=dict)
    """Passwords by users; empty: everybody may call."""
    port: int | None = None
    """Of a second door on this machine; None: there is none."""


def read_configuration(variables: Mapping[str, str] = os.environ) -> Configuration:
    """Raises ConfigurationError."""
    switch = variables.get(SWITCH, "").strip().lower()
    if switch not in (*_OFF, *_ON):
        raise ConfigurationError(f"The variable {SWITCH} is {switch!r}; it may be on or off.")
    return Configuration(switch in _ON, _users(variables), _port(variables.get(PORT, "").strip()))


def _users(variables: Mapping[str, str]) -> dict[str, str]:
    users = {}
    try:
        if USERS in variables:
            users |= read_users(variables[USERS])
        if USERS_FILE in variables:
            users |= read_users(Path(variables[USERS_FILE]).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file that {USERS_FILE} names cannot be read: {error}.") from error
    except AuthError as error:
        raise ConfigurationError(str(error)) from error
    return users


def _port(text: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**16:
        raise ConfigurationError(f"The variable {PORT} is {text!r}; it must be a port, 1 to 65535.")
    return int(text)


def open_options() -> Options:
    """The settings that clients have made, from where the host keeps what users set."""
    file = Path(folder_paths.get_user_directory()) / "default" / "hires-fix" / "api-options.json"
    return Options(file, lambda name: house().checkpoint(name), model_lists.first_checkpoint)
