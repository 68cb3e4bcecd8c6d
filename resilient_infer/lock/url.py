"""URLs of servers: what may stand in the manifest or in a variable it names, and where a key may be sent."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_PRINTABLE: Final = re.compile(r"[!-~]+")
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")

URL_PATTERN: Final = r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s@?#\\<>{}$\"']+$"
"""What the JSON Schema can say of it; `parse_url` says the rest."""


def parse_url(text: str) -> str:
    """A server's base URL: absolute, http or https, without its trailing slash.

    Raises:
        ValueError: It cannot be used. The message does not quote it: a URL may hold a password.
    """
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("a URL has no blanks, control characters or letters beyond ASCII")
    if "$" in text or "{" in text:
        raise ValueError("nothing is filled in here; name the variable that holds the whole URL in url_env")
    if any(char in text for char in "\\<>}\"'|^`"):
        raise ValueError("a character in it is not allowed in a URL")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        raise ValueError("an absolute URL is expected that begins with https:// or http://")
    if "@" in rest.split("/")[0]:
        raise ValueError(
            "a user name or password does not belong in a URL; name the key's variable in key_env"
        )
    if "?" in rest or "#" in rest:
        raise ValueError("a base URL has no query and no fragment")
    _check_host(text)
    return f"{scheme.lower()}://{rest}".rstrip("/")


def _check_host(text: str) -> None:
    fault = "its host or port is not valid"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if ":" in host:
        valid = _is_ipv6(host) and "%" not in host
    else:
        valid = _HOST.fullmatch(host) is not None
    if not valid or port == 0:
        raise ValueError(fault)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def exposes_key(url: str) -> bool:
    """Whether a key sent to `url` can be read on the way: plain http to another machine."""
    parts = urlsplit(url)
    return parts.scheme != "https" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
