"""Request: what every JSON request has in common."""

import json

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.providers.request import fixed_headers, in_path, json_request, user_agent
from tests.providers.samples import TOKEN, order


def test_headers_are_one_object_for_one_endpoint_and_secret():
    """The transport prepares them once, under their identity."""
    one = order("openai", "chat")
    other = order("openai", "chat", "something else", timeout=3.0)
    stranger = order("openai", "chat", secret="hf_another_token")

    first = json_request(one, "https://a.test", {}).headers
    assert json_request(other, "https://a.test/b", {"x": 1}).headers is first
    assert json_request(stranger, "https://a.test", {}).headers is not first


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
