"""What every transport test needs: a clean environment, a client that is closed, certificates."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from resilient_infer.transport.environment import TlsSocket
from resilient_infer.transport.http_sync import HttpSync

from .async_asking import loops
from .either import Either, MakeEither, OnLoop

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def client() -> Iterator[HttpSync]:
    client = HttpSync()
    yield client
    client.close(cancel=True)


@pytest.fixture(params=[pytest.param(None, id="sync"), *loops()])
def make_either(request: pytest.FixtureRequest) -> Iterator[MakeEither]:
    """Make clients of one transport or the other, which are closed in the end: `make_either(**settings)`."""
    made: list[Either] = []

    def make(**settings: Any) -> Either:
        loop = request.param
        made.append(HttpSync(**settings) if loop is None else OnLoop(loop(), **settings))
        return made[-1]

    yield make
    for client in made:
        client.end() if isinstance(client, OnLoop) else client.close(cancel=True)


@pytest.fixture
def either(make_either: MakeEither) -> Either:
    """A client of one transport or the other."""
    return make_either()


@dataclass(frozen=True)
class Certificates:
    """A private authority: its bundle on disk and a server's side for 127.0.0.1."""

    bundle: Path
    server: ssl.SSLContext
    elsewhere: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    authority = trustme.CA()
    bundle = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    contexts = []
    for name in ("127.0.0.1", "elsewhere.example"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sslsocket_class = TlsSocket
        authority.issue_cert(name).configure_cert(context)
        contexts.append(context)
    return Certificates(bundle=bundle, server=contexts[0], elsewhere=contexts[1])


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """The private authority is the one the environment names."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))
    return certificates
