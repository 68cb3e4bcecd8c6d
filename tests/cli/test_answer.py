"""Answer: the JSON object of `--format json`."""

import json
from decimal import Decimal

from resilient_infer.cli.answer import explanation, failure_record, result_record
from resilient_infer.cli.render import Ink
from resilient_infer.core.outcome import Usage
from resilient_infer.core.result import Result
from resilient_infer.core.target import Pin
from resilient_infer.errors import AllTargetsFailed, ConfigError, Problem

INK = Ink(colour=False, unicode=True, width=None)


def _result(**changes: object) -> Result:
    known: dict[str, object] = {
        "output": "hi",
        "alias": "chat",
        "task": "chat",
        "model": "org/model",
        "revision": "f" * 40,
        "pin": Pin.DECLARED,
        "route": "ours:org/model",
        "attempts": (),
        "elapsed": 0.25,
    }
    return Result(**(known | changes))  # type: ignore[arg-type]  # the defaults above have the right types


def test_success_and_failure_have_the_same_keys() -> None:
    """A program reads one object, whatever came of the call."""
    won = result_record(_result())
    lost = failure_record("chat", AllTargetsFailed("chat: all failed", hint="wait", retry_after=2.5))

    assert list(won) == list(lost)
    assert won["error"] is None
    assert lost["error"] == {
        "kind": "AllTargetsFailed",
        "message": "chat: all failed",
        "hint": "wait",
        "problems": [],
        "retry_after": 2.5,
    }
    json.dumps([won, lost], allow_nan=False)


def test_money_is_exact_and_unknown_is_not_free() -> None:
    """A cost is decimal text; null where the price or the usage is unknown."""
    assert result_record(_result(cost=Decimal("0.0000001")))["cost"] == "0.0000001"
    assert result_record(_result())["cost"] is None
    shown = {
        cost: "\n".join(explanation(_result(cost=cost), INK)) for cost in (None, Decimal(0), Decimal("1E-7"))
    }
    assert "unknown" in shown[None]
    assert "free" in shown[Decimal(0)]
    assert "0.0000001 USD" in shown[Decimal("1E-7")]


def test_the_explanation_tells_all_that_is_known() -> None:
    """Model, revision, pin, route, fallback, cost, tokens, time, request id, warnings."""
    result = _result(
        fallback="primary: down",
        served_model="model-v2",
        finish_reason="length",
        request_id="req-1",
        usage=Usage(input=3, output=4),
        warnings=("top_k was left out",),
    )
    text = "\n".join(explanation(result, INK))

    for part in ("org/model", "f" * 40, "declared", "ours:org/model", "primary: down", "model-v2", "length"):
        assert part in text
    for part in ("req-1", "3 in, 4 out", "250 ms", "top_k was left out"):
        assert part in text


def test_every_pin_is_explained() -> None:
    """The strength of the tie to the commit is said in words."""
    for pin in Pin:
        assert f"{pin}: " in "\n".join(explanation(_result(pin=pin), INK))


def test_problems_of_a_file_are_listed() -> None:
    """Each with its place."""
    problem = Problem(file="m.yaml", line=1, column=2, path="models", what="is empty")
    record = failure_record("chat", ConfigError("one problem", problems=(problem,)))

    assert record["error"]["problems"] == ["m.yaml:1:2: models: is empty"]  # type: ignore[index,call-overload]  # a JSON object
