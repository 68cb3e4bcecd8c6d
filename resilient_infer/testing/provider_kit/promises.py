"""Promises: everything a codec has to keep, one by one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

from resilient_infer.core.task import TASKS
from resilient_infer.providers.base import Attesting, Codec, Streaming
from resilient_infer.providers.request import user_agent
from resilient_infer.testing.provider_kit import asking, attesting, reading, streaming
from resilient_infer.testing.provider_kit.goldens import Golden, Report

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing to keep. Calling it raises an AssertionError if it is broken; `str` is its name."""

    name: str
    keep: Callable[[], None]

    def __call__(self) -> None:
        try:
            self.keep()
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}") from error.__cause__

    def __str__(self) -> str:
        return self.name


def check(codec: Codec, goldens: Sequence[Golden], reports: Sequence[Report] = ()) -> None:
    """Keep every promise.

    Raises:
        AssertionError: Some are broken; the message has each of them.
    """
    findings = []
    for promise in promises(codec, goldens, reports):
        try:
            promise()
        except AssertionError as error:
            findings.append(str(error))
    if findings:
        raise AssertionError("\n".join(findings))


def promises(codec: Codec, goldens: Sequence[Golden], reports: Sequence[Report] = ()) -> list[Promise]:
    """All that a codec has to keep, for `pytest.mark.parametrize`.

    Args:
        goldens: At least one for each task.
        reports: For a codec that is `Attesting`: answers to its question, at least one with a commit.

    Raises:
        ModuleNotFoundError: hypothesis is not installed.
    """
    if find_spec("hypothesis") is None:
        raise ModuleNotFoundError(
            "the provider kit needs hypothesis: pip install resilient-infer[test]", name="hypothesis"
        )
    user_agent()  # reads the version from a file, once in a process
    claims = Promise("claims", partial(_claims_are_sound, codec, goldens))
    try:
        claims()
    except AssertionError:
        return [claims]  # nothing can be asked of what is no codec
    return [
        claims,
        *_of_goldens(codec, goldens),
        *_of_tasks(codec, goldens),
        *_of_streams(codec, goldens),
        *_of_reports(codec, goldens, reports),
    ]


def _of_goldens(codec: Codec, goldens: Sequence[Golden]) -> Iterator[Promise]:
    for number, golden in enumerate(goldens):
        name = f"{golden.task} [{number}]"
        yield Promise(f"{name} request", partial(asking.request_is_golden, codec, golden))
        yield Promise(f"{name} answer", partial(reading.answer_is_golden, codec, golden))
        yield Promise(f"{name} build is pure", partial(asking.build_is_pure, codec, golden))


def _of_tasks(codec: Codec, goldens: Sequence[Golden]) -> Iterator[Promise]:
    from resilient_infer.testing.provider_kit import garbage

    for task in sorted(codec.tasks):
        golden = next(each for each in goldens if each.task == task)
        build, parse = partial(asking.build_takes, codec, golden), partial(reading.parse_takes, codec, golden)
        each = partial(asking.build_takes_each_parameter, codec, golden)
        yield Promise(f"{task} each parameter", each)
        yield Promise(f"{task} any payload", partial(_for_all, garbage.payloads(golden), build))
        bent = partial(reading.parse_takes_each_bent_answer, codec, golden)
        yield Promise(f"{task} each bent answer", bent)
        yield Promise(f"{task} any answer", partial(_for_all, garbage.answers(golden.answer), parse))
        yield Promise(f"{task} no secret", partial(reading.nothing_is_shown, codec, golden))


def _of_streams(codec: Codec, goldens: Sequence[Golden]) -> Iterator[Promise]:
    if not isinstance(codec, Streaming):
        return
    for number, golden in enumerate(goldens):
        if not golden.stream:
            continue
        name = f"{golden.task} [{number}]"
        yield Promise(f"{name} streamed request", partial(asking.stream_is_asked_for, codec, golden))
        yield Promise(f"{name} streamed answer", partial(streaming.stream_is_golden, codec, golden))
        yield Promise(f"{name} cut stream", partial(streaming.stream_is_whole_or_failed, codec, golden))
        yield Promise(f"{name} no secret in a stream", partial(streaming.stream_shows_nothing, codec, golden))
        takes = partial(streaming.stream_takes, codec, golden)
        yield Promise(f"{name} any stream", partial(_for_all, streaming.cut_streams(golden.stream), takes))


def _of_reports(codec: Codec, goldens: Sequence[Golden], reports: Sequence[Report]) -> Iterator[Promise]:
    from resilient_infer.testing.provider_kit import garbage

    if not isinstance(codec, Attesting):
        return
    golden = goldens[0]
    yield Promise("identity", partial(attesting.identity_is_sound, codec, golden))
    yield Promise("a report with a commit", partial(_tells_something, reports))
    said = partial(attesting.said, codec, golden)
    for number, report in enumerate(reports):
        yield Promise(f"report [{number}]", partial(attesting.report_is_read, codec, golden, report))
        yield Promise(f"any report like [{number}]", partial(_for_all, garbage.bent(report.body), said))
    yield Promise("any report", partial(_for_all, garbage.LENIENT, said))


def _claims_are_sound(codec: Codec, goldens: Sequence[Golden]) -> None:
    kind, tasks = getattr(codec, "kind", None), getattr(codec, "tasks", None)
    if not isinstance(codec, Codec):
        raise AssertionError("it is no Codec: it needs kind, tasks, build and parse")
    if not isinstance(kind, str) or not kind or not kind.isprintable():
        raise AssertionError(f"kind is {kind!r}, not a name for manifests")
    if not isinstance(tasks, frozenset) or not tasks:
        raise AssertionError(f"tasks is {tasks!r}, not a frozenset of tasks")
    if not tasks <= TASKS.keys():
        raise AssertionError(f"no task is called {min(tasks - TASKS.keys())!r} (see core.task.TASKS)")
    asked = {golden.task for golden in goldens}
    if asked != tasks:
        odd = min(asked ^ tasks)
        raise AssertionError(f"{odd} {'has no golden' if odd in tasks else 'is no task of the codec'}")
    has = [method for method in attesting.METHODS if hasattr(codec, method)]
    if has and len(has) < len(attesting.METHODS):
        lacking = set(attesting.METHODS) - set(has)
        raise AssertionError(f"it has {has[0]}, but no {min(lacking)}: it will not be asked for its commit")
    _streams_are_sound(codec, goldens)


def _streams_are_sound(codec: Codec, goldens: Sequence[Golden]) -> None:
    has = [name for name in streaming.METHODS if hasattr(codec, name)]
    if has and len(has) < len(streaming.METHODS):
        lacking = set(streaming.METHODS) - set(has)
        raise AssertionError(f"it has {has[0]}, but no {min(lacking)}: it will not be asked to stream")
    if not isinstance(codec, Streaming):
        return
    streams: object = codec.streams
    if not isinstance(streams, frozenset) or not streams <= codec.tasks:
        raise AssertionError(f"streams is {streams!r}, not a frozenset of its tasks")
    streamed = {golden.task for golden in goldens if golden.stream}
    if streams != streamed:
        odd = min(streams ^ streamed)
        told = "has no golden stream" if odd in streams else "has a golden stream, and is not streamed"
        raise AssertionError(f"{odd} {told}")


def _tells_something(reports: Sequence[Report]) -> None:
    if not any(report.commit for report in reports):
        raise AssertionError("no report with a commit is given; nothing shows that it is ever read")


def _for_all(given: "SearchStrategy[T]", keep: Callable[[T], object]) -> None:
    from hypothesis import HealthCheck, settings
    from hypothesis import given as for_all

    @settings(
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @for_all(given)
    def keeps(value: T) -> None:
        keep(value)

    keeps()
