"""Where the API is reached: on the host's own addresses, and on a second port of this machine alone."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

from aiohttp import web
from comfy.cli_args import args
from server import PromptServer

from ...sdapi.errors import bare
from ...sdapi.options import Options
from .configuration import PORT, SETTING, Configuration, ConfigurationError, open_options, read_configuration

if TYPE_CHECKING:
    from .wire import Wire

log = logging.getLogger("hires-fix")

_BELOW = ("/sdapi/{tail:.*}", "/controlnet/{tail:.*}")
"""What of the host's addresses is the API's."""

_LOOPBACK = ("127.0.0.1", "::1")
_DESCRIPTIONS = ("/sdapi/v1/openapi.json", "/openapi.json")
"""The latter is only reached on the second port."""


def open_doors() -> None:
    """Add the API to the host, unless its owner has turned it off; once, before the host starts to listen.

    A configuration that cannot be followed leaves it off, and is an error in the log.
    """
    try:
        configuration = read_configuration()
    except ConfigurationError as error:
        log.error("A1111's API stays off: %s", error)
        return
    if not configuration.is_on:
        return
    door = _Door(configuration, open_options())
    server = PromptServer.instance
    for path in _BELOW:
        server.routes.route("*", path)(door.answer)  # the host adds each below /api, too
    if configuration.port is not None:
        second = _SecondPort(door, configuration.port)
        server.app.on_startup.append(second.open)
        server.app.on_cleanup.append(second.close)


class _Door:
    """The API, while the editor's setting leaves it open."""

    def __init__(self, configuration: Configuration, options: Options) -> None:
        self._configuration, self._options = configuration, options

    @cached_property
    def _wire(self) -> Wire:
        """All that answers, loaded by the first request: most hosts never see one."""
        from ...sdapi.openapi import Endpoint, description
        from .routes import Route, Table, table
        from .wire import Wire

        users = self._configuration.users
        found = table(self._options, bool(users))
        endpoints = [Endpoint("GET", path, "this description") for path in _DESCRIPTIONS]
        document = description([*found.endpoints, *endpoints], "1", bool(users))
        own = {endpoint.path: {"GET": Route(endpoint, lambda: document)} for endpoint in endpoints}
        return Wire(Table({**found.routes, **own}), users)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        return await self._wire.answer(request) if _is_wanted(request) else web.json_response(_CLOSED, status=404)


_CLOSED = bare(404, "Not Found").body
"""What clients understand as a server without this API."""


def _is_wanted(request: web.Request) -> bool:
    try:
        return PromptServer.instance.user_manager.settings.get_settings(request).get(SETTING, True) is not False
    except web.HTTPException:
        return True  # with several users, a client is none of them: the setting is nobody's


class _SecondPort:
    """A server of its own with nothing of the host's, behind the host's own middlewares."""

    def __init__(self, door: _Door, port: int) -> None:
        self._door, self._port = door, port
        self._runner: web.AppRunner | None = None

    async def open(self, host: web.Application) -> None:
        """Start to listen: to this machine alone. A port that is taken is an error in the log."""
        largest = round(args.max_upload_size * 1024 * 1024)
        # what the host and other packs check before they answer is checked here as well
        app = web.Application(client_max_size=largest, middlewares=list(host.middlewares))
        app.router.add_route("*", "/{tail:.*}", self._door.answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        opened = [address for address in _LOOPBACK if await self._listen(self._runner, address)]
        if opened:
            log.info("A1111's API also answers on http://%s:%d", opened[0], self._port)

    async def close(self, host: web.Application) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _listen(self, runner: web.AppRunner, address: str) -> bool:
        try:
            await web.TCPSite(runner, address, self._port).start()
        except OSError as error:
            if address == _LOOPBACK[0]:  # the other is IPv6, which not every machine has
                log.error("A1111's API cannot be opened on the port %d of %s: %s", self._port, PORT, error)
            return False
        return True
