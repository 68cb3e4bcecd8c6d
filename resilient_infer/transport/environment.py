"""Environment: which proxy and which certificates a server is reached with.

Read once for each server. The variables are those of requests and curl:
HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case,
REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE. `~/.netrc` is never read: it would
replace the credential of the request.
"""

import os
import ssl
from functools import lru_cache
from typing import Final

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url
from urllib3.util.ssl_ import create_urllib3_context

from resilient_infer.errors import ConfigError

BUNDLE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""In the order requests asks for them."""


def check_environment(url: str) -> None:
    """Fail early where every request to `url` would fail for what the environment says.

    Raises:
        ConfigError: A CA bundle that cannot be used, with variable and path; or an unusable proxy.
    """
    proxy_for(url)
    if url.lower().startswith("https:"):
        tls_context()


def proxy_for(url: str) -> Url | None:
    """The proxy's URL, perhaps with a login inside: never show it. None for a direct connection.

    Raises:
        ConfigError: The variable holds no http or https URL. Its value is not shown.
    """
    proxy = select_proxy(url, get_environ_proxies(url))
    if not proxy:
        return None
    try:
        parts = parse_url(proxy if "://" in proxy else f"http://{proxy}")
    except LocationParseError:
        parts = Url()
    if not parts.host or parts.scheme not in ("http", "https"):
        variable = f"{url.partition(':')[0].upper()}_PROXY"
        raise ConfigError(
            f"{variable} or ALL_PROXY names no http or https proxy",
            hint="correct it, or list the server in NO_PROXY; SOCKS cannot be held to a time limit",
        )
    return parts


class TlsSocket(ssl.SSLSocket):
    """A TLS socket that is closed when it is found reset.

    Before its handshake `SSLContext.wrap_socket`, up to Python 3.13 at least, would raise and leave it open.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As `socket.recv`; `wrap_socket` looks with it for what came before the handshake."""
        try:
            return super().recv(buflen, flags)
        except ConnectionError:
            self.close()
            raise


def tls_context() -> ssl.SSLContext:
    """The certificates to trust, loaded once for each bundle.

    Raises:
        ConfigError: Names the variable and the path.
    """
    variable, path = next(
        ((name, os.environ[name]) for name in BUNDLE_VARIABLES if os.environ.get(name)),
        ("", DEFAULT_CA_BUNDLE_PATH),
    )
    try:
        return _context(path)
    except OSError as error:  # ssl.SSLError is one
        what = f"{variable}={path}" if variable else path
        fault = (
            "holds no certificates"
            if isinstance(error, ssl.SSLError)
            else f"cannot be read ({error.strerror})"
        )
        raise ConfigError(
            f"the CA bundle {what} {fault}", hint="point it to a PEM file or unset it"
        ) from None


@lru_cache(maxsize=8)
def _context(path: str) -> ssl.SSLContext:
    # Loading the bundle takes tens of milliseconds; urllib3 would do it for every connection.
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.sslsocket_class = TlsSocket
    if os.path.isdir(path):
        context.load_verify_locations(capath=path)
    else:
        context.load_verify_locations(cafile=path)
    return context
