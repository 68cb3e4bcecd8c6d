"""Prepared: what is the same in every request of an endpoint, whichever transport sends it.

requests works out the URL, the login in it and the path; nothing of the
environment is asked, and no cookie or netrc is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.util import Url, parse_url

from resilient_infer.core.http import HttpRequest
from resilient_infer.errors import ConfigError
from resilient_infer.transport.body import ACCEPTED
from resilient_infer.transport.headers import Unshown, check_header

MOST_TEMPLATES: Final = 512
"""Prepared requests that a transport keeps."""

PORTS: Final = {"http": 80, "https": 443}

_DEFAULTS: Final = {"User-Agent": "resilient-infer", "Accept": "*/*", "Accept-Encoding": ACCEPTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request without its body, its length and the headers of a single call.

    Attributes:
        url: Without a login.
        path: With the query, as a server that is reached directly wants it.
    """

    url: Url
    path: str
    headers: Mapping[str, Unshown] = field(repr=False)


def prepared(request: HttpRequest) -> Prepared:
    """Work out what does not change from call to call.

    Raises:
        ConfigError: A header is unusable, or the URL.
        requests.RequestException: The URL is; so does a `ValueError`. Their text may quote a login.
    """
    given = CaseInsensitiveDict(request.headers)
    given.pop("content-length", None)
    for name, value in given.items():
        check_header(name, value)
    # requests would put a login from the URL in the place of ours.
    login = _as_it_is if "authorization" in given else None
    made = requests.Request(request.method, request.url, headers=given, auth=login).prepare()
    for name, value in _DEFAULTS.items():
        made.headers.setdefault(name, value)
    made.headers.pop("content-length", None)
    url = parse_url(str(made.url))
    if url.scheme not in PORTS or not url.host:
        raise ConfigError("this is not an http or https URL")
    try:
        url.host.encode("idna")
    except UnicodeError:
        raise ConfigError("the URL's host is not a host name") from None
    headers = {str(name): Unshown(value) for name, value in made.headers.items()}
    return Prepared(url=url._replace(auth=None, fragment=None), path=str(made.path_url), headers=headers)


def place_of(url: Url, proxy: Url | None) -> str:
    """Where a request goes, for messages: "host:port", and by way of which proxy."""
    server = f"{url.host}:{url.port or PORTS[str(url.scheme)]}"
    return server if proxy is None else f"{server} through the proxy {place_of(proxy, None)}"


def _as_it_is(made: requests.PreparedRequest) -> requests.PreparedRequest:
    return made
