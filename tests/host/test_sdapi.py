"""A1111's API on a real server: what is recorded of A1111's own, passwords, the second port, what the owner decides.

One server with a password and a second port; pictures are drawn in other files.
"""

import base64
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from hires_pack.dev.host.comfyui_host import ComfyUIHost
from hires_pack.dev.parity.http.caller import call, send
from hires_pack.dev.parity.http.compare import compare
from hires_pack.dev.parity.http.differences import difference_of
from hires_pack.dev.parity.http.exchanges import discover

from .conftest import ENVIRONMENT

RECORDED = Path(__file__).resolve().parents[1] / "data" / "sdapi" / "http"
USER, PASSWORD = "user", "secret"
EXCHANGES = {exchange.id: exchange for session in discover(RECORDED) for exchange in session}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server(models, tmp_path_factory):
    port, secrets = free_port(), tmp_path_factory.mktemp("secrets") / "users"
    secrets.write_text("other:pw\n", encoding="utf-8")
    env = {
        **ENVIRONMENT,
        "HIRES_FIX_API_PORT": str(port),
        "HIRES_FIX_API_AUTH": f"{USER}:{PASSWORD}",
        "HIRES_FIX_API_AUTH_FILE": str(secrets),
    }
    checkpoints = [path for path in models.files.checkpoints if path.name == models.oracle]
    with ComfyUIHost(models={"checkpoints": checkpoints}, arguments=["--max-upload-size", "1"], env=env) as host:
        host.second = port
        host.first = int(host.url.rpartition(":")[2])
        yield host


class Api:
    """Calls with the password."""

    def __init__(self, port, user=f"{USER}:{PASSWORD}"):
        self.port = port
        self.headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}

    def get(self, path, **headers):
        return call(self.port, "GET", path, None, {**self.headers, **headers}, 60)

    def post(self, path, body=None, raw=None, **headers):
        sent = raw if raw is not None else json.dumps(body).encode()
        return call(self.port, "POST", path, sent, {**self.headers, **headers}, 60)


@pytest.fixture
def api(server):
    return Api(server.second)


@pytest.mark.parametrize("name", [name for name, exchange in EXCHANGES.items() if exchange.session == "main"])
def test_replies_are_those_of_a1111(server, name):
    exchange = EXCHANGES[name]
    exchange = replace(exchange, request={**exchange.request, "basic_auth": [USER, PASSWORD]})
    assert not compare(exchange, send(server.second, exchange, 60)).problems


@pytest.mark.parametrize("name", [name for name, exchange in EXCHANGES.items() if exchange.session == "auth"])
def test_without_a_password_nothing_is_answered_but_what_is_not_there(server, name):
    exchange = EXCHANGES[name]
    for port in (server.first, server.second):
        reply = send(port, exchange, 60)
        assert not compare(exchange, reply).problems or difference_of(exchange, reply)


def test_every_address_asks_for_the_password(server, api):
    for path, methods in api.get("/openapi.json").content["paths"].items():
        for method in methods:
            for without in (Api(server.second, ""), Api(server.second, "user:wrong")):
                reply = call(server.second, method.upper(), path, b"{}", without.headers, 60)
                assert reply.status == 401, path
                assert "www-authenticate" not in reply.headers
                if path != "/openapi.json":
                    assert call(server.first, method.upper(), f"/api{path}", b"{}", without.headers, 60).status == 401
    assert Api(server.second, "other:pw").get("/sdapi/v1/progress").status == 200


def test_every_list_is_answered_on_both_ports(server, api):
    paths = api.get("/openapi.json").content["paths"]
    lists = [path for path, methods in paths.items() if "get" in methods and path != "/openapi.json"]
    assert len(lists) > 20
    for path in lists:
        # ComfyUI has its own addresses below /api as well: what is behind a proxy may have those alone
        replies = [Api(server.first).get(path), Api(server.second).get(path), Api(server.first).get(f"/api{path}")]
        assert [reply.status for reply in replies] == [200, 200, 200], path
        assert replies[0].headers["content-type"] == "application/json"


def test_the_second_port_has_nothing_of_the_hosts(server, api):
    for path in ("/system_stats", "/prompt", "/queue", "/object_info", "/", "/api/prompt", "/internal/logs"):
        assert (api.get(path).status, api.get(path).content) == (404, {"detail": "Not Found"})
    assert Api(server.first).get("/system_stats").status == 200


def test_it_listens_to_this_machine_alone(server):
    addresses = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1", "127.0.1.1"}:
        with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
            socket.create_connection((address, server.second), timeout=2)


def test_pages_of_other_origins_are_refused_on_both_ports(server):
    for port in (server.first, server.second):
        assert Api(port).get("/sdapi/v1/samplers", Origin="http://example.test").status == 403
        assert Api(port).get("/sdapi/v1/samplers", **{"Sec-Fetch-Site": "cross-site"}).status == 403


def test_settings_are_kept_and_the_whole_list_may_be_sent_back(server, api, models):
    file = server.base / "user" / "default" / "hires-fix" / "api-options.json"
    before = api.get("/sdapi/v1/options").content
    assert "ldsr_steps" not in before  # no LDSR is installed
    titles = [entry["title"] for entry in api.get("/sdapi/v1/sd-models").content]
    assert before["sd_model_checkpoint"] in titles
    assert api.post("/sdapi/v1/options", before).status == 200
    assert not file.exists() or json.loads(file.read_text()) == {"sd_model_checkpoint": models.oracle}
    assert api.post("/sdapi/v1/options", {"CLIP_stop_at_last_layers": 2}).content is None
    assert json.loads(file.read_text())["CLIP_stop_at_last_layers"] == 2
    assert api.get("/sdapi/v1/options").content["CLIP_stop_at_last_layers"] == 2
    assert api.post("/sdapi/v1/options", {"CLIP_stop_at_last_layers": 1}).status == 200
    assert api.get("/sdapi/v1/options").content == before
    refused = api.post("/sdapi/v1/options", {"outdir_samples": "/tmp"})
    assert (refused.status, "names a folder" in refused.content["detail"]) == (403, True)


def test_large_bodies_are_refused_before_they_are_read(api):
    reply = api.post("/sdapi/v1/png-info", {"image": "A" * 1_500_000})
    assert reply.status == 413
    assert "larger than this server takes" in reply.content["detail"]


def test_json_counts_whatever_the_content_type_says(api):
    for kind in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json; charset=utf-8"}):
        assert api.post("/sdapi/v1/options", {}, **kind).status == 200
    form = api.post("/sdapi/v1/options", raw=b"a=1", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert form.content["detail"][0]["msg"] == "value is not a valid dict"


def test_replies_are_zipped_for_those_who_ask(api):
    assert "content-encoding" not in api.get("/sdapi/v1/samplers").headers
    asked = api.get("/sdapi/v1/samplers", **{"Accept-Encoding": "gzip"})
    assert asked.headers["content-encoding"] == "gzip"
    assert len(asked.content) == 20
    assert "content-encoding" not in api.get("/sdapi/v1/progress", **{"Accept-Encoding": "gzip"}).headers


def test_head_and_unknown_methods_are_405(server, api):
    for method in ("HEAD", "PUT", "DELETE", "PATCH"):
        reply = call(server.second, method, "/sdapi/v1/samplers", None, api.headers, 60)
        assert (reply.status, reply.headers["allow"]) == (405, "GET")


def test_the_editors_setting_turns_it_off(server, api):
    door = Api(server.first, "")
    try:
        assert door.post("/settings", {"HiresFix.A1111Api": False}).status == 200
        for port in (server.first, server.second):
            assert (Api(port).get("/sdapi/v1/samplers").status, Api(port).get("/openapi.json").status) == (404, 404)
        assert door.get("/system_stats").status == 200
    finally:
        door.post("/settings", {"HiresFix.A1111Api": True})
    assert api.get("/sdapi/v1/samplers").status == 200


def test_what_is_not_here_is_said_in_a_sentence(api):
    picture = {"image": "nothing", "model": "clip"}
    assert "no clip model" in api.post("/sdapi/v1/interrogate", picture).content["detail"]
    assert "not trained" in api.post("/sdapi/v1/train/embedding", {}).content["detail"]
    detect = {"controlnet_module": "canny", "controlnet_input_images": ["x"]}
    assert "'canny'" in api.post("/controlnet/detect", detect).content["detail"]
