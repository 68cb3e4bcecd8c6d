"""Whom a fault hits, and what it remembers from request to request."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import (
    Close,
    ColdStart,
    Delay,
    Hang,
    RateLimit,
    Reply,
    Sandbox,
    Server,
    Sight,
    unavailable,
)
from resilient_infer.testing.sandbox.rules import Arrival, Rule, Scope
from tests.testing.raw import (
    SENTIMENT,
    ask,
    classify,
    seen_on_the_wire,
)


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.serve("hf-inference")


class TestOverTime:
    def test_a_cold_model_loads_from_its_first_request_on(self, server: Server) -> None:
        """503 with what is left, each model by itself, then the answer."""
        server.fail(ColdStart(warm_up=0.08))
        first = classify(server)
        time.sleep(0.02)
        second = classify(server)
        time.sleep(0.07)

        assert first.status == second.status == 503
        assert first.json["error"] == f"Model {SENTIMENT} is currently loading"
        assert 0.08 >= first.json["estimated_time"] > second.json["estimated_time"] > 0
        assert classify(server).status == 200
        assert classify(server, model="siebert/sentiment-roberta-large-english").status == 503

    def test_a_cold_model_may_claim_what_it_likes(self, server: Server) -> None:
        """Hugging Face's 20 seconds, whatever the truth."""
        server.fail(ColdStart(warm_up=5, estimate=20.0))

        assert classify(server).json["estimated_time"] == 20.0

    def test_the_proxy_of_an_endpoint_holds_the_request(self, sandbox: Sandbox) -> None:
        """X-Scale-Up-Timeout long enough: a late answer; too short: 503 at once."""
        held = sandbox.serve("hf-endpoint")
        held.fail(ColdStart(warm_up=0.05))
        start = time.monotonic()
        answer = ask(held, "/", {"inputs": "x"}, headers={"X-Scale-Up-Timeout": "10"})
        took = time.monotonic() - start
        hurried = sandbox.serve("hf-endpoint")
        hurried.fail(ColdStart(warm_up=5))

        assert (answer.status, took >= 0.05) == (200, True)
        assert ask(hurried, "/", {"inputs": "x"}, headers={"X-Scale-Up-Timeout": "1"}).status == 503

    def test_a_rate_limit_tells_the_real_remainder(self, server: Server) -> None:
        """So many in a window; whoever waits as told is admitted."""
        server.fail(RateLimit(requests=2, window=0.1))
        statuses = [classify(server).status for _ in range(2)]
        refused = classify(server)
        wait = float(refused.headers["retry-after"])
        time.sleep(wait)

        assert (statuses, refused.status) == ([200, 200], 429)
        assert 0 < wait <= 0.1
        assert classify(server).status == 200

    @given(
        gaps=st.lists(st.floats(0, 2), max_size=60),
        requests=st.integers(1, 5),
        window=st.floats(0.1, 3),
    )
    def test_rl1_no_window_holds_more_than_the_limit(
        self, gaps: list[float], requests: int, window: float
    ) -> None:
        """However requests arrive, any window holds at most so many that were admitted, and a
        request that waits the remainder it was told is admitted."""
        rule = Rule(
            RateLimit(requests=requests, window=window),
            Scope(model=None, attempts=None, chance=1.0, seed=0),
        )
        moment, admitted = 100.0, []
        for gap in gaps:
            moment += gap
            sight = rule.sight(arrival(moment))
            assert sight is not None
            assert 0 <= sight.remainder <= window + 1e-9
            if sight.remainder and gap > 1:  # this one waits as it was told
                moment += sight.remainder + 0.001
                sight = rule.sight(arrival(moment))
                assert sight is not None
                assert sight.remainder == 0
            if not sight.remainder:
                admitted.append(moment)

        for index, start in enumerate(admitted):
            assert sum(start <= other < start + window * (1 - 1e-9) for other in admitted[index:]) <= requests

    @pytest.mark.parametrize(("requests", "window"), [(0, 1.0), (1, 0.0)])
    def test_a_limit_is_a_limit(self, requests: int, window: float) -> None:
        """At least one request, in a window of some length."""
        with pytest.raises(ValueError, match="at least 1 request"):
            RateLimit(requests=requests, window=window)


def arrival(moment: float, model: str = SENTIMENT) -> Arrival:
    return Arrival(
        moment=moment,
        model=model,
        patience=0.0,
        reused=False,
        complain=lambda status, _: Reply(status=status),
    )


class TestWhom:
    def test_the_first_attempts_of_each_model(self, server: Server) -> None:
        """`attempts=2` hits two requests of every model, counted from now on."""
        classify(server)
        server.fail(unavailable(), attempts=2)
        other = "siebert/sentiment-roberta-large-english"

        assert [classify(server).status for _ in range(3)] == [503, 503, 200]
        assert [classify(server, model=other).status for _ in range(3)] == [503, 503, 200]

    def test_chosen_attempts_of_one_model(self, server: Server) -> None:
        """Only the second and fourth, and no other model."""
        server.fail(unavailable(), model=SENTIMENT, attempts={2, 4})
        other = "siebert/sentiment-roberta-large-english"

        assert [classify(server).status for _ in range(5)] == [200, 503, 200, 503, 200]
        assert [classify(server, model=other).status for _ in range(5)] == [200] * 5

    def test_faults_act_one_after_another(self, server: Server) -> None:
        """Late, with another status, and cut: all three."""
        server.fail(Delay(seconds=0.02))
        server.fail(unavailable())
        server.fail(Close(where="body"))
        start = time.monotonic()
        received, end = seen_on_the_wire(server)

        assert received.startswith(b"HTTP/1.1 503 Service Unavailable")
        assert b'"error"' in received
        assert not received.endswith(b"}")
        assert (end, time.monotonic() - start >= 0.02) == ("fin", True)

    def test_a_fault_of_ones_own(self, server: Server) -> None:
        """Whatever has `alter` is a fault."""

        class Shout:
            def alter(self, reply: Reply, sight: Sight) -> Reply:
                return Reply(body=reply.body.upper(), headers=(("x-model", sight.model),))

        server.fail(Shout())
        answer = classify(server)

        assert b"LABEL" in answer.body
        assert answer.headers["x-model"] == SENTIMENT

    @given(seed=st.integers(), chance=st.floats(0, 1), model=st.sampled_from(["a", "b"]))
    def test_chance_is_a_matter_of_the_seed(self, seed: int, chance: float, model: str) -> None:
        """The nth request of a model draws the same in every run; 0 hits none and 1 all."""
        scope = Scope(model=None, attempts=None, chance=chance, seed=seed)
        hits = [scope.covers(model, number) for number in range(1, 30)]

        assert hits == [scope.covers(model, number) for number in range(1, 30)]
        assert chance > 0 or not any(hits)
        assert chance < 1 or all(hits)

    def test_chance_hits_its_share(self) -> None:
        """Of 2,000 requests a third, give or take four standard deviations."""
        scope = Scope(model=None, attempts=None, chance=1 / 3, seed=5)
        hits = sum(scope.covers("m", number) for number in range(2000))

        assert abs(hits - 2000 / 3) < 4 * (2000 * 2 / 9) ** 0.5

    def test_what_cannot_be_set_is_refused(self, server: Server) -> None:
        """A model that is not served, a chance that is none."""
        with pytest.raises(ValueError, match="does not serve acme/none"):
            server.fail(Hang(), model="acme/none")
        with pytest.raises(ValueError, match="between 0 and 1"):
            server.fail(Hang(), chance=1.5)
