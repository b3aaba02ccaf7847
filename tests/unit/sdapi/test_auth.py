"""Users and passwords of the API."""

import base64

import pytest
from hires_pack.sdapi.auth import AuthError, check, read_users
from hires_pack.sdapi.errors import ApiError

USERS = read_users("user:secret, other:p:w\nthird:пароль\n")


def header(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_pairs_are_parted_by_commas_and_lines_and_a_password_may_have_colons():
    assert USERS == {"user": "secret", "other": "p:w", "third": "пароль"}


@pytest.mark.parametrize("text", ["", " , ", "user", "user:", ":secret", "user:secret,other"])
def test_users_that_are_none_are_refused(text):
    with pytest.raises(AuthError):
        read_users(text)


@pytest.mark.parametrize("pair", ["user:secret", "other:p:w", "third:пароль"])
def test_the_right_password_passes(pair):
    check(header(pair), USERS)
    check(header(pair).replace("Basic", "basic"), USERS)


@pytest.mark.parametrize("pair", ["user:wrong", "nobody:secret", "other:secret", "user:", ":"])
def test_a_wrong_one_does_not(pair):
    with pytest.raises(ApiError) as refused:
        check(header(pair), USERS)
    assert (refused.value.status, refused.value.body["detail"]) == (401, "Incorrect username or password")


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        *((given, "Not authenticated") for given in (None, "", "Bearer dXNlcjpzZWNyZXQ=")),
        *((f"Basic{given}", "Invalid authentication credentials") for given in ("", " ", " ###", " dXNlcg==", " /w==")),
    ],
)
def test_what_is_no_password_at_all(given, detail):
    with pytest.raises(ApiError) as refused:
        check(given, USERS)
    assert (refused.value.status, refused.value.body["detail"]) == (401, detail)
