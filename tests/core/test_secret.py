"""A token that can be sent but not shown."""

import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.payload import Payload
from resilient_infer.core.secret import HIDDEN, Secret, looks_like_secret, redact
from resilient_infer.core.target import Endpoint, Pin, Route
from resilient_infer.core.task import TASKS

texts = st.text(min_size=1)
TOKENS = [
    "hf_" + "a1B2" * 8,
    "api_org_" + "a1B2" * 8,
    "sk-" + "a1B2" * 8,
    "sk-proj-" + "a1_B2-" * 8,
    "gsk_" + "a1B2" * 8,
    "r8_" + "a1B2" * 8,
    "xai-" + "a1B2" * 8,
    "nvapi-" + "a1_B2-" * 8,
    "ghp_" + "a1B2" * 8,
    "ghs_" + "a1B2" * 8,
]


@given(text=texts.filter(lambda text: text not in HIDDEN))
def test_no_way_of_showing_a_secret_shows_it(text):
    """repr, str, format, pickle: none has the text; only `reveal` gives it."""
    secret = Secret(text)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!s:>80}", "%s" % (secret,), repr([secret])]  # noqa: UP031

    assert all(text not in each.strip(" []") for each in shown)
    assert secret.reveal() == text
    assert pickle.loads(pickle.dumps(secret)).reveal() == HIDDEN


def test_an_attempt_does_not_show_its_secret():
    """Nor its payload: neither belongs in a log."""
    attempt = Attempt(
        number=1,
        call_id="c",
        alias="chat",
        task=TASKS["chat"],
        route=Route(endpoint=Endpoint(provider="p", kind="openai", url="https://host"), name="m"),
        model=None,
        revision=None,
        pin=Pin.FLOATING,
        payload=Payload(inputs="something private"),
        secret=Secret("tokentoken"),
        timeout=1.0,
        safe=False,
    )

    assert "tokentoken" not in repr(attempt)
    assert "something private" not in repr(attempt)
    assert b"tokentoken" not in pickle.dumps(attempt)


@given(text=texts)
def test_a_copy_within_the_process_can_still_be_sent(text):
    """Only what leaves the process loses the text: a copied spec must not send "[secret]" as its token."""
    secret = Secret(text)

    assert copy.copy(secret).reveal() == text
    assert copy.deepcopy({"token": [secret]})["token"][0].reveal() == text


@given(one=texts, other=texts)
def test_secrets_are_equal_if_their_texts_are(one, other):
    """A changed token is another credential; a secret is no text."""
    assert (Secret(one) == Secret(other)) is (one == other)
    assert hash(Secret(one)) == hash(Secret(one))
    assert Secret(one) != one


@given(secret=texts.filter(lambda text: text not in HIDDEN), before=st.text(), after=st.text())
def test_redacted_text_does_not_contain_the_secret(secret, before, after):
    """Wherever a server repeats it, and however often."""
    redacted = redact(f"{before}{secret}{after}{secret}", Secret(secret))

    assert secret not in redacted.replace(HIDDEN, "")


@pytest.mark.parametrize("token", TOKENS)
def test_well_known_tokens_are_recognised_and_taken_out(token):
    """Also those that are nobody's here: a server may repeat another's."""
    text = f'{{"error": "Incorrect API key provided: {token}."}}'

    assert looks_like_secret(text)
    assert token not in redact(text)
    assert redact(text).startswith('{"error": "Incorrect API key provided: [secret]')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "task-management-tool",
        "risk-averse",
        "org/sk-model",
        "hf_short",
        "HuggingFaceH4/zephyr",
        "gpt-4o-mini",
    ],
)
def test_ordinary_words_are_no_tokens(text):
    """What only resembles one stays readable."""
    assert not looks_like_secret(text)
    assert redact(text, Secret("")) == text


def test_no_text_takes_for_ever_to_look_through() -> None:
    """Beginnings of keys, one after another: each is looked at, and none to the end of the text."""
    began = time.process_time()

    assert not looks_like_secret("sk-" * 200_000)
    assert time.process_time() - began < 5
