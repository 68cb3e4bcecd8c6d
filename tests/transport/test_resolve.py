"""Names are looked up once for all who wait, remembered for 30 s, and never outwaited."""

import socket
import threading
from collections.abc import Callable
from time import monotonic

import pytest

from resilient_infer.transport.resolve import Address, Resolver

from .asking import ALLOWANCE


def addresses_of(*places: tuple[str, int]) -> list[Address]:
    return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place) for place in places]


def resolver_of(lookup: Callable[[str, int], list[Address]]) -> Resolver:
    return Resolver(lookup)


def one_second() -> float:
    return 1.0


class Names:
    """A name server that counts, and answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = threading.Event()
        self.fails = False

    def look_up(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        self.may_answer.wait(5)
        if self.fails:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return addresses_of(("192.0.2.1", port))


def test_all_who_wait_share_one_lookup_and_later_ones_its_answer() -> None:
    names = Names()
    resolver = Resolver(names.look_up)
    answers: list[tuple[Address, ...]] = []
    waiting = [
        threading.Thread(target=lambda: answers.append(resolver.addresses("a.example", 80, one_second)))
        for _ in range(8)
    ]
    for thread in waiting:
        thread.start()
    names.may_answer.set()
    for thread in waiting:
        thread.join()
    resolver.addresses("a.example", 80, one_second)

    assert names.asked == 1
    assert answers == [tuple(addresses_of(("192.0.2.1", 80)))] * 8


def test_another_port_is_another_question() -> None:
    names = Names()
    names.may_answer.set()
    resolver = Resolver(names.look_up)
    for port in (80, 81, 80):
        resolver.addresses("a.example", port, one_second)

    assert names.asked == 2


def test_a_failure_is_told_to_all_and_not_remembered() -> None:
    names = Names()
    names.fails = True
    names.may_answer.set()
    resolver = Resolver(names.look_up)
    for _ in range(2):
        with pytest.raises(socket.gaierror, match="not known"):
            resolver.addresses("a.example", 80, one_second)
    names.fails = False

    assert resolver.addresses("a.example", 80, one_second)
    assert names.asked == 3


@pytest.mark.parametrize("strange", [UnicodeError("label empty"), ValueError("embedded null")])
def test_whatever_a_lookup_raises_is_a_name_that_is_not_known(strange: Exception) -> None:
    def look_up(host: str, port: int) -> list[Address]:
        raise strange

    with pytest.raises(socket.gaierror):
        Resolver(look_up).addresses("a.example", 80, one_second)


def test_an_empty_answer_is_no_answer() -> None:
    with pytest.raises(socket.gaierror):
        Resolver(lambda host, port: []).addresses("a.example", 80, one_second)


def test_dl8_the_wait_ends_with_the_time_left_and_the_lookup_is_joined_later() -> None:
    """Resolves the name on a daemon thread, waited for at most the time left."""
    names = Names()
    resolver = Resolver(names.look_up)
    started = monotonic()
    with pytest.raises(TimeoutError):
        resolver.addresses("a.example", 80, lambda: max(0.0, started + 0.05 - monotonic()))
    assert monotonic() - started < 0.05 + ALLOWANCE

    names.may_answer.set()
    assert resolver.addresses("a.example", 80, one_second)
    assert names.asked == 1


@pytest.mark.parametrize("literal", ["127.0.0.1", "::1", "0.0.0.0"])
def test_an_address_in_digits_asks_nobody(literal: str) -> None:
    names = Names()
    found = Resolver(names.look_up).addresses(literal, 80, one_second)

    assert [address[4][0] for address in found] == [literal]
    assert names.asked == 0


def test_localhost_is_known_without_a_network() -> None:
    found = Resolver().addresses("localhost", 80, lambda: 5.0)

    assert {address[4][0] for address in found} <= {"127.0.0.1", "::1"}


def test_after_a_fork_nothing_is_known_or_waited_for() -> None:
    names = Names()
    resolver = Resolver(names.look_up)
    with pytest.raises(TimeoutError):
        resolver.addresses("a.example", 80, lambda: 0.0)
    resolver.renew()  # the child: the parent's thread will never answer here
    names.may_answer.set()

    assert resolver.addresses("a.example", 80, one_second)
    assert names.asked == 2
