"""Bodies of requests, before anything looks at their fields."""

import base64
import json
from pathlib import Path

import pytest
from hires_pack.sdapi.body import keys_of, picture_bytes, read_body, text_of
from hires_pack.sdapi.errors import ApiError

RECORDED = Path(__file__).resolve().parents[2] / "data" / "sdapi" / "http"


def refused(function, *given):
    with pytest.raises(ApiError) as error:
        function(*given)
    return error.value


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain", "application/octet-stream"])
def test_json_is_read_whatever_it_claims_to_be(kind):
    assert read_body(b'{"a": [1, null]}', kind) == {"a": [1, None]}
    assert read_body(b"  ", kind) is None


def test_what_is_no_json_is_told_as_a1111_tells_it():
    folder = RECORDED / "validation-not-json"
    sent, theirs = (json.loads((folder / f"{name}.json").read_text()) for name in ("request", "response"))
    error = refused(read_body, sent["raw_body"].encode(), "application/json")
    assert (error.status, error.body) == (theirs["status"], theirs["json"])


def test_odd_bodies_are_refused():
    assert refused(read_body, b"a=1&b=2", "application/x-www-form-urlencoded").status == 422
    assert refused(read_body, b"\xff\xfe\xfa").status == 400
    assert refused(read_body, b"[" * 200_000).status in (400, 422)
    assert len(json.dumps(refused(read_body, b"{" + b"x" * 10**6).body)) < 20_000


def test_any_keys():
    assert keys_of({"a": 1}) == {"a": 1}
    assert keys_of([]) == {}
    for body in (None, 5, "text", [1]):
        assert refused(keys_of, body).status == 422


def test_a_text_field():
    assert text_of({"image": 5}, "image") == "5"
    assert text_of({}, "model", "clip") == "clip"
    assert refused(text_of, {}, "image").body["detail"][0]["msg"] == "field required"
    assert refused(text_of, {"image": None}, "image").body["detail"][0]["type"] == "type_error.none.not_allowed"
    assert refused(text_of, {"image": []}, "image").body["detail"][0]["type"] == "type_error.str"


def test_pictures_as_base64_with_and_without_prefix():
    plain = base64.b64encode(b"a file").decode()
    for text in (plain, f"data:image/png;base64,{plain}", f"  {plain}\n"):
        assert picture_bytes(text) == b"a file"
    for text in ("", "=", "data:image/png"):
        assert refused(picture_bytes, text).body["detail"] == "Invalid encoded image"
    for text in ("http://127.0.0.1/a.png", "HTTPS://example.test/a.png"):
        assert refused(picture_bytes, text).body["detail"] == "Request to local resource not allowed"
