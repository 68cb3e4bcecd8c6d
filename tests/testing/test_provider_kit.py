"""The provider kit catches every broken codec, says what is wrong with it, and passes ours."""

import json
import math
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.core.testimony import Limits
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.failure import failed, received
from resilient_infer.providers.request import get_request, json_request
from resilient_infer.testing.provider_kit import REVISION, Golden, Report, check, promises

OTHER = "f" * 40
GOLDEN = Golden(
    task="text-classification",
    payload={"inputs": "I love it"},
    path="/answer",
    body={"ask": "I love it", "model": "org/model"},
    headers={"content-type": "application/json"},
    answer={"label": "GOOD", "score": 0.9, "commit": REVISION, "by": "acme-1"},
    output=[{"label": "GOOD", "score": 0.9}],
)
REPORTS = (
    Report(body={"commit": REVISION, "was": OTHER}, commit=REVISION),
    Report(body={"commit": "main", "batch": 1}, commit=None, limits=Limits(inputs=1)),
)
REPORT = Report(body={"commit": REVISION, "batch": 1}, commit=REVISION, limits=Limits(inputs=1))


class Sound:
    """Keeps every promise. What is broken below is a copy of it with one fault."""

    kind = "sound"
    tasks = frozenset({"text-classification"})

    def build(self, attempt):
        """One text."""
        if not isinstance(attempt.payload.inputs, str):
            raise Unfit("one text at a time")
        body = {"ask": attempt.payload.inputs, "model": attempt.route.name, **attempt.payload.parameters}
        return json_request(attempt, f"{attempt.route.endpoint.url}/answer", body)

    def parse(self, attempt, response):
        """One label."""
        body = received(response, attempt.secret)
        if isinstance(body, Failure):
            return body
        if not isinstance(body, dict) or not isinstance(body.get("label"), str):
            return failed(FailureKind.WRONG_SHAPE, "no label", response, attempt.secret)
        if type(body.get("score")) is not float:
            return failed(FailureKind.WRONG_SHAPE, "no score", response, attempt.secret)
        output = [{"label": body["label"], "score": body["score"]}]
        return Success(output=output, raw=body, commit=self.told(body))

    def identity(self, endpoint, secret):
        """One question."""
        return get_request(endpoint, secret, f"{endpoint.url}/about")

    def reported_commit(self, attempt, body):
        """One commit."""
        return self.told(body)

    def limits(self, body):
        """One limit."""
        most = body.get("batch") if isinstance(body, dict) else None
        return Limits(inputs=most if type(most) is int and most > 0 else None)

    def told(self, body):
        """A whole commit, or nothing."""
        return commit_in(body.get("commit")) if isinstance(body, dict) else None


class Plain:
    """Attests nothing."""

    kind, tasks, told = Sound.kind, Sound.tasks, Sound.told
    build, parse = Sound.build, Sound.parse


def first_fault(codec, reports=(REPORT,)):
    """The first thing that the kit says of a codec."""
    for promise in promises(codec, [GOLDEN], reports):
        try:
            promise()
        except AssertionError as error:
            return str(error)
    return ""


def faults(codec, goldens=(GOLDEN,), reports=(REPORT,)):
    """What the kit says of a codec."""
    try:
        check(codec, goldens, reports)
    except AssertionError as error:
        return str(error)
    return ""


def changed(**members):
    """A codec that differs from the sound one in these members."""
    return type("Broken", (Sound,), members)()


def around(method, change):
    """The sound method, and something done to what it gives."""
    sound = getattr(Sound, method)
    return {method: lambda self, *given: change(sound(self, *given), *given)}


def before(method, act):
    """The sound method after something that it had better not do."""
    sound = getattr(Sound, method)

    def broken(self, *given):
        act(self, *given)
        return sound(self, *given)

    broken.__name__ = method
    return {method: broken}


def named(method, work):
    work.__name__ = method
    return {method: work}


def with_headers(request, *more):
    return replace(request, headers=(*request.headers, *more))


def without_header(word):
    """The sound request without the header in which the word is."""

    def change(request, attempt):
        return replace(request, headers=tuple(each for each in request.headers if word not in "".join(each)))

    return around("build", change)


def with_header(name, value):
    return around("build", lambda request, _: with_headers(request, (name, value)))


def of_success(**fields):
    """A success with other fields; failures as they are."""

    def change(outcome, attempt, response):
        if isinstance(outcome, Failure):
            return outcome
        return replace(outcome, **{name: make(outcome) for name, make in fields.items()})

    return around("parse", change)


def always(kind, reason="no", **fields):
    """The same failure whatever the answer."""
    return named("parse", lambda self, *_: Failure(kind=kind, reason=reason, **fields))


def swallowed(self, attempt):
    """Whatever goes wrong is nobody's business."""
    try:
        open("/etc/hostname").close()  # the fault under test
    except Exception:
        return


def remembered(self, attempt):
    """Keeps what it saw."""
    self.last = attempt.secret.reveal() if attempt.secret else ""


def label_or_error(self, attempt, response):
    """Trusts every server."""
    body = json.loads(response.body)
    return Success(output=[{"label": body["label"], "score": body["score"]}])


def everything_is_well(self, attempt, response):
    """Looks at no status."""
    return Success(output=[{"label": "GOOD", "score": 0.9}])


def echoed(failure, attempt, response):
    """Quotes the server as it is."""
    if not isinstance(failure, Failure) or not response.body.isascii():
        return failure
    text = "".join(filter(str.isprintable, response.body.decode()))
    return replace(failure, reason=text or "nothing")


def keyed(request, attempt):
    """Puts the credential into the URL, as some APIs have it."""
    key = attempt.secret.reveal() if attempt.secret else ""
    return replace(request, url=f"{request.url}?key={key}")


def refused(words, where=""):
    """Takes nothing, or not this parameter."""

    def act(self, attempt):
        if not where or where in attempt.payload.parameters:
            raise Unfit(words)

    return act


def at_once(request, *_):
    """Never the same question twice."""
    return replace(request, url=f"{request.url}?{time.monotonic_ns()}")


def any_commit(body):
    """Whatever looks like one."""
    found = re.findall(r"\b[0-9a-f]{40}\b", json.dumps(body))
    return found[0] if found else None


def stamped(request, attempt):
    """Says when it was made."""
    return with_headers(request, ("X-At", str(time.monotonic_ns())))


def marked(request, attempt):
    """Writes into the caller's parameters."""
    attempt.payload.parameters["seen"] = True
    return request


BROKEN = {
    "no codec": (type("Half", (), {"kind": "half", "tasks": frozenset({"chat"})})(), "it is no Codec"),
    "kind": (changed(kind=""), "claims: kind is ''"),
    "tasks in a list": (changed(tasks=["chat"]), "not a frozenset"),
    "an unknown task": (changed(tasks=frozenset({"text-clasification"})), "'text-clasification'"),
    "a task without a golden": (
        changed(tasks=frozenset({"text-classification", "chat"})),
        "claims: chat has no golden",
    ),
    "half attesting": (
        type("Half", (Plain,), {"identity": Sound.identity})(),
        "it has identity, but no limits",
    ),
    # build
    "another path": (
        changed(**around("build", lambda request, _: replace(request, url=request.url + "/"))),
        r"request: the url is 'https://server.test/answer/', not 'https://server.test/answer'",
    ),
    "another body": (
        changed(**around("build", lambda request, _: replace(request, body=b"{}"))),
        r"request: the body is {}",
    ),
    "another method": (
        changed(**around("build", lambda request, _: replace(request, method="PUT"))),
        r"request: the method is 'PUT', not 'POST'",
    ),
    "another header": (
        changed(**without_header("Content-Type")),
        r"request: the header content-type is None, not 'application/json'",
    ),
    "raises": (
        changed(**before("build", lambda self, attempt: 1 / 0)),
        r"build\(\) raised ZeroDivisionError",
    ),
    "raises on parameters": (
        changed(**before("build", lambda self, attempt: attempt.payload.parameters.get("top_k", 0) + 1)),
        r"each parameter: build\(\) raised TypeError.*\n.*top_k",
    ),
    "unfit for no reason": (
        changed(**before("build", refused("not today"))),
        r"request: build\(\) raised Unfit: not today",
    ),
    "unfit without words": (
        changed(**before("build", refused("", where="top_k"))),
        "raised an Unfit that does not say what is unfit",
    ),
    "opens a file": (changed(**before("build", swallowed)), r"build\(\) does I/O: open\('/etc/hostname'"),
    "opens a socket": (
        changed(**before("build", lambda self, attempt: socket.create_connection(("127.0.0.1", 9)))),
        r"build\(\) does I/O: socket\.",
    ),
    "starts a program": (
        changed(**before("build", lambda self, attempt: subprocess.run(["true"], check=True))),
        r"build\(\) does I/O: ",
    ),
    "changes the payload": (
        changed(**around("build", marked)),
        r"build is pure: build\(\) changes the attempt",
    ),
    "another request each time": (
        changed(**around("build", stamped)),
        r"another request the second time",
    ),
    "a key in the URL": (changed(**around("build", keyed)), "the credential is not only in a header"),
    "no key": (
        changed(**without_header("Authorization")),
        "the credential is in no header",
    ),
    "a key where there is none": (
        changed(
            **around(
                "build",
                lambda request, attempt: (
                    request
                    if attempt.secret
                    else replace(request, headers=(*request.headers, ("Authorization", "Bearer None")))
                ),
            )
        ),
        "sends a credential where the attempt has none",
    ),
    "to somebody else": (
        changed(**around("build", lambda request, _: replace(request, url="https://elsewhere.test/answer"))),
        "the request goes to https://elsewhere.test/answer",
    ),
    "a header twice": (changed(**with_header("accept", "text/plain")), "the header accept is given twice"),
    "a header with a line break": (changed(**with_header("X-Note", "a\r\nb")), "cannot be sent"),
    "without the manifest's headers": (
        changed(**without_header("X-Kit")),
        "X-Kit-Team is missing",
    ),
    "without the manifest's limit": (
        changed(**around("build", lambda request, _: replace(request, max_response=1))),
        "max_response is not the endpoint's",
    ),
    "no request": (changed(**named("build", lambda self, attempt: {"ask": 1})), "a dict is given"),
    # parse
    "trusts the server": (
        changed(parse=label_or_error),
        r"parse\(\): a success where the status is \d+|raised",
    ),
    "looks at no status": (changed(parse=everything_is_well), "any answer: .*a success where the status is"),
    "raises on an answer": (
        changed(**before("parse", lambda self, _, response: response.headers["retry-after"])),
        r"parse\(\) raised KeyError",
    ),
    "raises on a bent answer": (
        changed(
            **before(
                "parse", lambda self, _, response: response.body[:1] == b"{" and json.loads(response.body)
            )
        ),
        r"parse\(\) raised JSONDecodeError",
    ),
    "no outcome": (changed(**named("parse", lambda self, *_: None)), "a NoneType is no outcome"),
    "another output": (
        changed(**of_success(output=lambda _: [])),
        r"answer: parse\(\): \[\] is no output of text-classification",
    ),
    "a number as text": (
        changed(**of_success(output=lambda _: [{"label": "GOOD", "score": "0.9"}])),
        r"answer: parse\(\): \[\{'label': 'GOOD', 'score': '0\.9'\}\] is no output",
    ),
    "another label": (
        changed(**of_success(output=lambda _: [{"label": "BAD", "score": 0.9}])),
        r"answer: the output is .*BAD.*, not .*GOOD",
    ),
    "unfit after the fact": (changed(**always(FailureKind.UNFIT)), "it says that nothing was sent"),
    "compares the pin": (changed(**always(FailureKind.PIN_MISMATCH)), "the call compares it"),
    "reason in two lines": (
        changed(**always(FailureKind.GONE, "a\nb")),
        "a reason that is no line for people",
    ),
    "endless advice": (
        changed(**always(FailureKind.THROTTLED, advice=math.inf)),
        "advice to wait inf seconds",
    ),
    "a good answer is a failure": (
        changed(**always(FailureKind.GONE)),
        "answer: the golden answer is read as Failure",
    ),
    "quotes the key": (changed(**around("parse", echoed)), r"no secret: parse\(\): the credential is shown"),
    "shows the key in a name": (
        changed(**of_success(served_by=lambda success: json.dumps(success.raw.get("by")))),
        r"no secret: parse\(\): the credential is shown",
    ),
    "keeps the key": (
        changed(**before("parse", lambda self, attempt, _: remembered(self, attempt))),
        "keeps the credential",
    ),
    "overclaims": (
        changed(told=lambda self, body: REVISION),
        "the commit '0123456789abcdef0123456789abcdef01234567', which the answer does not tell",
    ),
    "enforced without proof": (
        changed(**of_success(commit=lambda _: None, enforced=lambda _: True)),
        "enforced, where the answer tells no commit",
    ),
    # attesting
    "a branch as a commit": (
        changed(
            reported_commit=lambda self, attempt, body: body.get("commit") if isinstance(body, dict) else None
        ),
        "which is no full commit",
    ),
    "never reads the commit": (
        changed(**named("reported_commit", lambda self, attempt, body: None)),
        rf"report \[0\]: reported_commit\(\) gives None, not '{REVISION}'",
    ),
    "takes the lock's word": (
        changed(**named("reported_commit", lambda self, attempt, body: attempt.revision)),
        r"which the answer does not tell",
    ),
    "takes any commit it finds": (
        changed(**named("reported_commit", lambda self, attempt, body: any_commit(body))),
        "gives 'f{40}': that is not attested",
    ),
    "raises on a report": (
        changed(**named("reported_commit", lambda self, attempt, body: commit_in(body["commit"]))),
        r"reported_commit\(\) raised (TypeError|KeyError)",
    ),
    "limits of nothing": (changed(limits=lambda self, body: Limits(inputs=0)), "a maximum of 0"),
    "no limits": (changed(limits=lambda self, body: None), r"limits\(\) gives a NoneType"),
    "never asks": (changed(identity=lambda self, endpoint, secret: None), r"identity\(\) never asks"),
    "asks somebody else": (
        changed(**around("identity", lambda request, *_: replace(request, url="https://spy.test/"))),
        "the request goes to https://spy.test/",
    ),
    "asks otherwise each time": (
        changed(**around("identity", at_once)),
        r"identity\(\) gives another request the second time",
    ),
}


def test_a_sound_codec_passes():
    assert faults(Sound()) == ""


def test_a_codec_that_attests_nothing_passes():
    assert faults(Plain(), reports=()) == ""


@pytest.mark.parametrize(("codec", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_codec_is_caught_and_told(codec, words):
    told = first_fault(codec, REPORTS)

    assert re.search(words, told), told


def test_an_attesting_codec_needs_a_report_with_a_commit():
    assert "nothing shows that it is ever read" in faults(Sound(), reports=())


def test_each_finding_is_one_line_with_what_was_given_below_it():
    """Two faults are two findings, and what was given is not endless."""
    long = replace(
        GOLDEN, payload={"inputs": "x" * 5000}, body={"ask": "x" * 5000, "model": "org/model"}, path="/other"
    )
    told = faults(changed(limits=lambda self, body: Limits(inputs=0)), goldens=(long,)).splitlines()

    assert told[0] == (
        "text-classification [0] request: the url is 'https://server.test/answer', not 'https://server.test/other'"
    )
    assert told[1].startswith("  given 'xxx")
    assert all(len(line) < 500 for line in told)
    assert all(line.startswith("  given ") for line in told[1::2])


def test_promises_are_named_for_pytest():
    names = [str(promise) for promise in promises(Sound(), [GOLDEN], [REPORT])]

    assert len(set(names)) == len(names)
    assert names[:2] == ["claims", "text-classification [0] request"]


def test_what_is_watched_works_again_afterwards():
    """In this thread and after a finding, too."""
    assert faults(changed(**before("build", swallowed)))
    with open(os.devnull) as nothing:
        assert nothing.read() == ""


def test_what_is_forbidden_is_not_done(tmp_path):
    """The kit may be run anywhere."""
    note = tmp_path / "note"

    assert "does I/O" in first_fault(changed(**before("build", lambda self, attempt: note.write_text("x"))))
    assert not note.exists()


def test_a_module_may_be_imported_where_it_is_first_needed():
    """Python reads a file then, and that is not the codec's I/O."""

    def late(self, attempt):
        sys.modules.pop("colorsys", None)
        import colorsys

        assert colorsys

    assert faults(changed(**before("build", late))) == ""


def test_without_hypothesis_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)

    with pytest.raises(ModuleNotFoundError, match=r"pip install resilient-infer\[test\]"):
        promises(Sound(), [GOLDEN])


def test_importing_the_kit_loads_no_hypothesis():
    code = "import sys, resilient_infer.testing.provider_kit; print('hypothesis' in sys.modules)"
    root = str(Path(__file__).parents[2])
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)

    assert ended.stdout == "False\n"
