"""Request: what every request has in common."""

import json

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.providers.request import (
    IDENTITY_RESPONSE,
    fixed_headers,
    get_request,
    in_path,
    json_bytes,
    json_request,
    raw_request,
    user_agent,
)
from tests.providers.samples import PNG, TOKEN, order


def test_headers_are_one_object_for_one_endpoint_and_secret():
    """The transport prepares them once, under their identity."""
    one = order("openai", "chat")
    other = order("openai", "chat", "something else", timeout=3.0)
    stranger = order("openai", "chat", secret="hf_another_token")

    first = json_request(one, "https://a.test", {}).headers
    assert json_request(other, "https://a.test/b", {"x": 1}).headers is first
    assert json_request(stranger, "https://a.test", {}).headers is not first


def test_a_body_of_another_type_has_headers_of_its_own():
    """One object for each endpoint, secret and content type; JSON is one of these types."""
    attempt = order("hf-inference", "image-to-text")
    picture, sound, again = (
        raw_request(attempt, "https://a.test", PNG, name) for name in ("image/png", "audio/wav", "image/png")
    )
    headers = dict(picture.headers)

    assert picture.body is PNG
    assert picture.headers is again.headers
    assert headers["Content-Type"] == "image/png"
    assert dict(sound.headers) == {**headers, "Content-Type": "audio/wav"}
    assert raw_request(attempt, "https://a.test", b"{}").headers is json_request(attempt, "", {}).headers
    assert raw_request(attempt, "https://a.test", b"{}").headers is fixed_headers(
        attempt.route.endpoint, attempt.secret
    )


def test_without_a_secret_no_authorization_is_sent():
    """An open server gets no empty header."""
    headers = dict(fixed_headers(order("openai", "chat").route.endpoint, None))

    assert "Authorization" not in headers
    assert headers["User-Agent"] == user_agent()


def test_the_manifests_headers_replace_ours_but_never_the_credential():
    """By name, whatever the case."""
    endpoint = Endpoint(
        provider="p",
        kind="openai",
        url="https://a.test",
        headers=(("user-agent", "me"), ("AUTHORIZATION", "other"), ("X-Org", "1")),
    )
    headers = fixed_headers(endpoint, Secret(TOKEN))
    names = [name.lower() for name, _ in headers]

    assert len(names) == len(set(names))
    assert dict(headers)["user-agent"] == "me"
    assert dict(headers)["Authorization"] == f"Bearer {TOKEN}"
    assert dict(headers)["X-Org"] == "1"
    assert dict(fixed_headers(endpoint, None))["AUTHORIZATION"] == "other"


def test_a_get_carries_the_credential_and_nothing_of_a_body():
    """The same headers object each time, and no Content-Type even if the manifest sets one."""
    own = (("content-type", "application/x-own"), ("X-Org", "1"))
    endpoint = order("openai", "chat", headers=own).route.endpoint
    request = get_request(endpoint, Secret(TOKEN), "https://a.test/info")

    assert (request.method, request.url, request.body) == ("GET", "https://a.test/info", b"")
    assert request.max_response == IDENTITY_RESPONSE
    assert dict(request.headers)["Authorization"] == f"Bearer {TOKEN}"
    assert dict(request.headers)["X-Org"] == "1"
    assert "content-type" not in {name.lower() for name, _ in request.headers}
    assert get_request(endpoint, Secret(TOKEN), "https://a.test/b").headers is request.headers
    assert TOKEN not in repr(request)


def test_a_get_reads_no_more_than_the_endpoint_allows():
    """A smaller bound of the manifest holds for it too."""
    endpoint = Endpoint(provider="p", kind="tgi", url="https://a.test", max_response=1000)

    assert get_request(endpoint, None, "https://a.test/info").max_response == 1000


def test_the_agent_names_the_library_and_its_version():
    """For the statistics of servers."""
    name, _, version = user_agent().partition("/")

    assert name == "resilient_infer"
    assert version


@given(st.dictionaries(st.text("abc"), st.text('aé👍\x00"\\')))
def test_a_body_is_compact_utf8(body):
    """And reads back the same."""
    raw = json_request(order("openai", "chat"), "https://a.test", body).body

    assert json.loads(raw) == body
    assert raw.decode() == json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert raw == json_bytes(body)


def test_a_name_in_a_path_is_quoted_but_for_its_slash():
    """Nothing in a model's name adds a query or a fragment."""
    assert in_path("org/model-1.0") == "org/model-1.0"
    assert in_path("a b?c#d") == "a%20b%3Fc%23d"


def test_no_secret_is_in_the_repr_of_a_request_or_an_attempt():
    """Headers and bodies may hold a token, so neither is shown."""
    attempt = order("openai", "chat", f"my token is {TOKEN}")
    request = json_request(attempt, "https://a.test", {"text": TOKEN})

    assert TOKEN not in repr(request)
    assert TOKEN not in repr(attempt)
    assert TOKEN in dict(request.headers)["Authorization"]
