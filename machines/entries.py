"""Which workers there are: a file of whoever owns the server, never a workflow, says so."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

FILE = "hires_fix_workers.yaml"
"""In ComfyUI's user folder."""

SCHEDULER = "HIRES_FIX_SCHEDULER"
"""A variable with the address of one more scheduler, listed as `ENVIRONMENT`."""

ENVIRONMENT = "environment"

MODELS, FETCH, THREADS = "HIRES_FIX_WORKER_MODELS", "HIRES_FIX_WORKER_FETCH", "HIRES_FIX_WORKER_THREADS"
"""Variables that a worker process is started with: its folders of models, whether models may be sent, its threads."""

COMFYUI = "HIRES_FIX_WORKER_COMFYUI"
"""Another one: as a JSON list, the folder of its ComfyUI and the arguments of that."""

_MOST_PROCESSES = 64
_TLS_FILES = ("ca", "certificate", "key")


class EntryError(Exception):
    """An entry that cannot be used: why, as a sentence."""


@dataclass(frozen=True)
class Entry:
    """Workers under a name: processes of this machine, or those of a scheduler."""

    name: str
    processes: int = 0
    """How many to start; 0 for a scheduler's."""

    threads: int = 0
    """CPU threads of each process; 0 for an equal share of them all."""

    scheduler: str = ""
    """Its address: tcp://127.0.0.1:PORT or tls://HOST:PORT."""

    ca: str = ""
    certificate: str = ""
    key: str = ""
    """Files in PEM form, for tls."""


def read_entries(folder: Path) -> dict[str, Entry]:
    """All entries, by their names.

    Raises:
        EntryError: the file, or an entry of it, cannot be used.
    """
    path = folder / FILE
    found: dict[str, Entry] = {}
    if path.is_file():
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            raise EntryError(f"{FILE} cannot be read: {str(error).splitlines()[0]}") from error
        if not isinstance(values, Mapping):
            raise EntryError(f"{FILE} is to hold a name and what it stands for, such as\nhouse:\n  processes: 2")
        found = {str(name): _entry(str(name), value) for name, value in values.items()}
    address = os.environ.get(SCHEDULER, "").strip()
    if address:
        found[ENVIRONMENT] = _entry(ENVIRONMENT, {"scheduler": address})
    return found


def _entry(name: str, value: Any) -> Entry:
    where = f"'{name}' of {FILE if name != ENVIRONMENT else SCHEDULER}"
    known = {"processes": int, "threads": int, "scheduler": str, **dict.fromkeys(_TLS_FILES, str)}
    if not isinstance(value, Mapping) or not value:
        raise EntryError(f"{where} says nothing that is known. It can have {', '.join(known)}.")
    for key, one in value.items():
        if key not in known or type(one) is not known[key]:
            raise EntryError(f"{where} has '{key}: {one}'. It can have {', '.join(known)}; numbers without quotes.")
    entry = Entry(name, **value)
    if bool(entry.processes) == bool(entry.scheduler):
        raise EntryError(f"{where} needs either processes (a number) or scheduler (an address).")
    if not 0 <= entry.processes <= _MOST_PROCESSES or not 0 <= entry.threads <= 1024:
        raise EntryError(
            f"{where} asks for {entry.processes} processes of {entry.threads} threads: 1 to 64 of up to 1024."
        )
    if entry.scheduler:
        check_address(entry, where)
    return entry


def check_address(entry: Entry, where: str) -> None:
    """Refuse an address that anybody on the network could listen to or answer at.

    Raises:
        EntryError: it is none, or is beyond this machine without certificates.
    """
    try:
        parts = urlsplit(entry.scheduler)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("tcp", "tls") or not host or not port or parts.path:
        raise EntryError(
            f"{where} has the address '{entry.scheduler}'. It needs tcp://127.0.0.1:PORT or tls://HOST:PORT."
        )
    if parts.scheme == "tcp" and not is_loopback(host):
        raise EntryError(
            f"{where} has the address '{entry.scheduler}'. Whoever reaches such a port can run programs there: beyond "
            "127.0.0.1 use tls:// with ca, certificate and key, or an SSH tunnel."
        )
    if parts.scheme == "tls":
        lacking = [name for name in _TLS_FILES if not Path(getattr(entry, name)).is_file()]
        if lacking:
            raise EntryError(
                f"{where} needs the files {', '.join(_TLS_FILES)} for tls; not there: {', '.join(lacking)}."
            )


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
