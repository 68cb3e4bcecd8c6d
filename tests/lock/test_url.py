"""URLs of servers, and where a key may travel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.url import exposes_key, parse_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("HTTPS://x", "https://x"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://a_b.internal/x%20y", "http://a_b.internal/x%20y"),
    ],
)
def test_a_base_url_loses_only_its_trailing_slash(text: str, url: str) -> None:
    """Absolute http and https URLs are taken as they are."""
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "", "example.com", "//example.com", "ftp://x", "file:///etc", "https://", "https:///x", "https://x:y",
        "https://x:0", "https://x:99999", "https://u@x", "https://u:p@x", "https://x?", "https://x#", "https://x?k=v",
        "https://x y", "https://x\n", "https://x\t", "https://x\\y", "https://\u00e9", "https://${HOST}/x",
        "https://{{host}}", "http://[::1", "http://[fe80::1%25eth0]", "http://-x", "https://x|y", "https://x^y",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_quoting_it(text: str) -> None:
    """No user name, query, fragment, interpolation or odd character."""
    with pytest.raises(ValueError, match=r".+") as caught:
        parse_url(text)

    assert len(text) < 12 or text not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("https://example.com", False),
        ("http://example.com", True),
        ("http://localhost", False),
        ("http://a.localhost", False),
        ("http://127.0.0.1:1", False),
        ("http://127.8.9.1", False),
        ("http://[::1]", False),
        ("http://0.0.0.0", True),
        ("http://10.0.0.1", True),
        ("http://localhost.example.com", True),
        ("http://127.0.0.1.example.com", True),
    ],
)
def test_a_key_stays_on_this_machine_or_under_tls(url: str, exposed: bool) -> None:
    """Plain http is safe for a key on loopback only."""
    assert exposes_key(url) == exposed


@given(text=st.text(max_size=40).map("http://".__add__) | st.text(max_size=40))
def test_nothing_but_a_value_error_comes_out(text: str) -> None:
    """Any text is a URL or refused, and a URL stays one."""
    try:
        url = parse_url(text)
    except ValueError:
        return
    assert parse_url(url) == url
    assert exposes_key(url) in (True, False)
