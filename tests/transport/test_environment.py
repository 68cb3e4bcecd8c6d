"""What the environment says about proxies and certificates is honoured, and checked early."""

import base64
import gc
import select
import socket
import threading
import warnings
from pathlib import Path

import pytest

from resilient_infer.core.http import FaultKind
from resilient_infer.errors import ConfigError
from resilient_infer.transport.environment import check_environment, proxy_for, tls_context

from .asking import HEADERS, answer_of, ask, fault_of, fault_within
from .conftest import Certificates
from .either import Either
from .stories import OK, Server, Story, drips, keeps_answering, read_request, response, says

URL = "https://models.example/v1"


def test_nothing_set_is_a_direct_connection_with_the_usual_certificates() -> None:
    check_environment(URL)

    assert proxy_for(URL) is None
    assert tls_context() is tls_context()


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("value", ["http://proxy.example:3128", "proxy.example:3128"])
def test_a_proxy_is_taken_from_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    proxy = proxy_for(URL)

    assert proxy is not None
    assert (proxy.host, proxy.port) == ("proxy.example", 3128)


@pytest.mark.parametrize("excluded", ["models.example", ".example", "other.test, models.example", "*"])
def test_no_proxy_wins(monkeypatch: pytest.MonkeyPatch, excluded: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", excluded)

    assert proxy_for(URL) is None


@pytest.mark.parametrize(
    "value", ["socks5://user:topsecret@proxy.example", "http://", "http://[topsecret", "ftp://x"]
)
def test_an_unusable_proxy_is_told_by_its_variable_and_not_its_value(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        check_environment(URL)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_that_cannot_be_used_is_told_with_variable_and_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    for path in (tmp_path / "missing.pem", empty):
        monkeypatch.setenv(variable, str(path))
        with pytest.raises(ConfigError) as caught:
            check_environment(URL)
        assert f"{variable}={path}" in str(caught.value)

    check_environment("http://models.example/")  # no certificates, no complaint


def test_the_bundle_of_requests_comes_before_that_of_curl(
    monkeypatch: pytest.MonkeyPatch, certificates: Certificates
) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.bundle))

    assert len(tls_context().get_ca_certs()) == 1


def test_a_directory_of_certificates_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))

    check_environment(URL)


def test_a_connection_that_was_reset_before_its_handshake_is_closed(trusted: Certificates) -> None:
    """By us, and not by the garbage collector, with a ResourceWarning in the middle of something else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        theirs.close()
        select.select([ours], [], [])  # the reset has come
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with pytest.raises(ConnectionResetError):
                tls_context().wrap_socket(ours, server_hostname="models.example")
            gc.collect()

    assert told == []


def forwards(log: list[bytes]) -> Story:
    def story(sock: socket.socket, visit: int) -> None:
        log.append(read_request(sock))
        sock.sendall(response(b"from the proxy"))

    return story


def tunnels(log: list[bytes], status: str = "200 OK") -> Story:
    """CONNECT: bytes are passed on both ways until either side ends."""

    def story(sock: socket.socket, visit: int) -> None:
        log.append(read_request(sock))
        sock.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if not status.startswith("200"):
            return
        host, _, port = log[-1].split()[1].decode().partition(":")
        with socket.create_connection((host, int(port))) as onward:
            back = threading.Thread(target=pump, args=(onward, sock))
            back.start()
            pump(sock, onward)
            back.join()

    return story


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


def test_http_goes_to_the_proxy_whole_and_logs_in(either: Either, monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[bytes] = []
    with Server(forwards(log)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
        answer = answer_of(ask(either, "http://models.example/v1?x=1"))

    assert answer.body == b"from the proxy"
    assert log[0].startswith(b"POST http://models.example/v1?x=1 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in log[0]
    assert b"Host: models.example\r\n" in log[0]


def test_https_goes_through_a_tunnel_that_sees_no_header(
    either: Either, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[bytes] = []
    with Server(keeps_answering, tls=trusted.server) as server, Server(tunnels(log)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        bodies = [answer_of(ask(either, server.url)).body for _ in range(2)]
        either.close()

    assert bodies == [b"1", b"1"]
    assert len(log) == 1
    assert log[0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.".encode())
    assert HEADERS[0][0].encode() not in log[0]


def test_no_proxy_goes_direct(either: Either, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(keeps_answering) as server:
        assert answer_of(ask(either, server.url)).status == 200


@pytest.mark.parametrize(
    ("status", "kind"),
    [("407 Proxy Authentication Required", "rejected"), ("502 Bad Gateway", "unreachable")],
)
def test_a_proxy_that_refuses_the_tunnel_is_named(
    either: Either, trusted: Certificates, monkeypatch: pytest.MonkeyPatch, status: str, kind: str
) -> None:
    with Server(tunnels([], status)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:topsecret@127.0.0.1:{proxy.port}")
        fault = fault_of(ask(either, "https://models.example/"))

    assert (fault.kind.value, fault.sent) == (kind, False)
    assert f"through the proxy 127.0.0.1:{proxy.port}" in fault.reason
    assert status[:3] in fault.reason


def test_dl1_a_proxy_that_hangs_ends_at_the_limit(
    either: Either, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(drips(b"HTTP/1.1 200 OK\r\nX: ", b"a")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        fault = fault_within(either, "https://models.example/", 0.15)

    assert (fault.kind, fault.sent) == (FaultKind.TIMEOUT, False)


def test_a_login_for_the_proxy_is_told_to_nobody_behind_it(
    either: Either, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in front of the tunnel, and not in what goes through."""
    log: list[bytes] = []
    seen: list[bytes] = []

    def story(sock: socket.socket, visit: int) -> None:
        seen.append(read_request(sock))
        sock.sendall(response())

    with Server(story, tls=trusted.server) as server, Server(tunnels(log)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://us%40er:proxysecret@127.0.0.1:{proxy.port}")
        assert answer_of(ask(either, server.url)).body == OK
        either.close()

    login = base64.b64encode(b"us@er:proxysecret")
    assert b"proxy-authorization: basic " + login.lower() in log[0].lower()
    assert b"proxysecret" not in seen[0]
    assert login not in seen[0]
    assert b"proxy-" not in seen[0].lower()


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_may_be_spoken_to_in_tls(
    either: Either, trusted: Certificates, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    """In TLS through TLS, too."""
    log: list[bytes] = []
    with (
        Server(keeps_answering, tls=trusted.server if secure else None) as server,
        Server(tunnels(log) if secure else forwards(log), tls=trusted.server) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY" if secure else "HTTP_PROXY", f"https://127.0.0.1:{proxy.port}")
        answer = answer_of(ask(either, server.url))
        either.close()

    assert answer.body == (b"1" if secure else b"from the proxy")
    assert log[0].startswith(b"CONNECT " if secure else b"POST http://")


@pytest.mark.parametrize("where", ["the proxy", "the server"])
def test_a_certificate_is_checked_on_both_sides_of_a_proxy(
    either: Either, trusted: Certificates, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    foreign = {where: trusted.elsewhere}
    with (
        Server(keeps_answering, tls=foreign.get("the server", trusted.server)) as server,
        Server(tunnels([]), tls=foreign.get("the proxy", trusted.server)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{proxy.port}")
        fault = fault_of(ask(either, server.url))
        either.close()

    assert (fault.kind, fault.sent) == (FaultKind.REJECTED, False)
    assert "certificate" in fault.reason


def test_a_proxy_that_is_not_there_is_named(either: Either, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(keeps_answering) as gone:
        port = gone.port
    monkeypatch.setenv("HTTP_PROXY", f"http://user:topsecret@127.0.0.1:{port}")
    fault = fault_of(ask(either, "http://models.example/"))

    assert (fault.kind, fault.sent) == (FaultKind.UNREACHABLE, False)
    assert f"through the proxy 127.0.0.1:{port}" in fault.reason


def test_a_kept_alive_connection_to_a_proxy_is_used_again_and_found_stale(
    either: Either, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(says(response(b"1"), response(b"2"), b""), keeps_answering) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        bodies = [answer_of(ask(either, "http://one.example/")).body for _ in range(2)]
        stale = fault_of(ask(either, "http://one.example/"))

    assert bodies == [b"1", b"2"]
    assert (stale.kind, stale.sent) == (FaultKind.STALE, True)
