"""Error body: what a server says went wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import Secret
from resilient_infer.providers.error_body import looks_like_html, one_line, read_error
from tests.providers.samples import JSON, LATIN, TOKEN

SHAPES = {
    "openai": (
        {"error": {"message": "No", "type": "invalid_request_error", "param": "n", "code": "bad"}},
        "No",
        {"invalid_request_error", "bad"},
    ),
    "openai with a number": ({"error": {"message": "No", "code": 400}}, "No", {"400"}),
    "string": ({"error": "No", "error_type": "Validation"}, "No", {"validation"}),
    "list of strings": ({"error": ["No", "Never"], "warnings": ["x"]}, "No; Never", set()),
    "fastapi string": ({"detail": "No"}, "No", set()),
    "fastapi list": (
        {"detail": [{"loc": ["body", "inputs", 0], "msg": "Field required", "type": "missing"}]},
        "body.inputs.0: Field required",
        {"missing"},
    ),
    "azure": (
        {"error": {"message": "No", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
        "No",
        {"responsibleaipolicyviolation"},
    ),
    "root": (
        {"object": "error", "message": "No", "type": "BadRequestError", "code": 400},
        "No",
        {"badrequesterror", "400"},
    ),
    "google": (
        [{"error": {"code": 404, "message": "No", "status": "NOT_FOUND"}}],
        "No",
        {"404", "not_found"},
    ),
    "replicate": ({"title": "Gone", "detail": "No", "status": 422}, "No", {"422"}),
    "a bare string": ("No", "No", set()),
    "nothing": ({}, "", set()),
    "null": ({"error": None}, "", set()),
}


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_of_an_error_is_read(name):
    """The sentence and the codes, wherever they stand."""
    body, message, codes = SHAPES[name]
    error = read_error(body, b"")

    assert error.message == message
    assert error.codes == codes


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"upstream connect error", "upstream connect error"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "an HTML page: 502 Bad Gateway"),
        (b"\n<!DOCTYPE HTML><body>oh", "an HTML page"),
        (b"\xef\xbb\xbf<html>", "an HTML page"),
        (b'{"detail": [{"msg": "too long", "input": "my sec', "JSON that cannot be read"),
        (b' [\n {"input": "my sec', "JSON that cannot be read"),
        (b'\xef\xbb\xbf["my sec', "JSON that cannot be read"),
        (b"[router] no upstream", "[router] no upstream"),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_what_is_no_json_is_shown_as_text_or_named_as_a_page(raw, message):
    """A proxy's page is named by its title."""
    assert read_error(None, raw).message == message


PAYLOAD = st.recursive(
    st.just("my-own-words") | LATIN.map(lambda text: f"my-own-words {text}"),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(
            st.sampled_from(["input", "inputs", "msg", "message", "error", "detail", "code", "text"]), inner
        )
    ),
    max_leaves=8,
)
"""What was asked, in words that stand nowhere else, under names that errors have, too."""


@given(
    given=PAYLOAD,
    loc=st.lists(st.sampled_from(["body", "inputs", "str", "list[str]"]) | st.integers(0, 99), max_size=9),
    errors=st.integers(1, 40),
    spoken=st.sampled_from(
        ["fastapi", "under error", "as text", "as JSON in text", "as a tuple's text", "cut"]
    ),
)
def test_what_a_validator_repeats_of_the_payload_is_never_read(given, loc, errors, spoken):
    """pydantic sends each wrong input back whole, in fields of its own or in the text of the exception."""
    item = {"type": "string_type", "loc": loc, "msg": "Input should be a valid string", "input": given}
    found = [{**item, "ctx": {"error": given}, "url": "https://errors.pydantic.dev"}] * errors
    body = {
        "fastapi": {"detail": found, "body": given},
        "under error": {"error": {"message": found, "type": "bad", "input": given}},
        "as text": {"message": f"{errors} validation error:\n  {found}", "code": 400},
        "as JSON in text": {"error": {"message": json.dumps({"detail": found})}},
        "as a tuple's text": {"detail": str(tuple(found))},
        "cut": None,
    }[spoken]
    error = read_error(body, json.dumps({"detail": found}).encode()[:-1])

    assert "my-own-words" not in error.message
    assert not any("my-own-words" in code for code in error.codes)
    assert ("valid string" in error.message) is (spoken != "cut")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "1 validation error for Request\nmessages\n  Field required [type=missing, input_value={'text':",
            "1 validation error for Request\nmessages\n  Field required [type=missing, …",
        ),
        ("[{'msg': 'Field required', 'input': {'text': 'mine'}}]", "[{'msg': 'Field required' …"),
        (r"{\"msg\": \"no\" , \"input\": \"mine\"}", r"{\"msg\": \"no\" …"),
        ("{'input': 'mine'}", "…"),
        ("Invalid 'input': at most 2048 items", "Invalid 'input': at most 2048 items"),
        ("the field input, which is wrong", "the field input, which is wrong"),
    ],
)
def test_the_text_of_an_exception_ends_before_the_input_that_it_repeats(said, message):
    """Also as plain text; a sentence about a field called input is one like any other."""
    assert read_error({"error": {"message": said}}, b"").message == message
    plain = f"Error: {said}"
    assert read_error(None, plain.encode()).message == f"Error: {message}"


def test_a_place_is_named_in_short():
    """A key of the payload may stand in it, and be as long as a text."""
    detail = [{"loc": ["body", "a" * 500, *range(50)], "msg": "no"}]

    assert len(read_error({"detail": detail}, b"").message) < 100


@given(body=JSON, raw=st.binary())
def test_any_body_is_read(body, raw):
    """Reading an error never raises."""
    error = read_error(body, raw)

    assert isinstance(error.message, str)
    assert all(code == code.lower() for code in error.codes)
    assert isinstance(looks_like_html(raw), bool)


@given(text=st.text() | LATIN, limit=st.integers(10, 300))
def test_one_line_is_one_printable_line(text, limit):
    """No control character, no line break, no direction mark, never longer than asked."""
    line = one_line(text, limit=limit)

    assert line.isprintable()
    assert len(line) <= limit


@given(
    before=LATIN, after=LATIN, filling=st.integers(0, 4200), secret=st.sampled_from([TOKEN, "plain-secret-1"])
)
def test_no_secret_survives_in_one_line(before, after, filling, secret):
    """Neither the attempt's own secret nor anything shaped like one, however long the text is."""
    line = one_line(f"{before}{'x ' * (filling // 2)}{secret} {after}", Secret(secret), limit=100_000)

    assert secret not in line
    assert secret[:7] not in line


def test_a_token_broken_by_an_invisible_character_is_found():
    """Removing the character joins the halves, so it is removed first."""
    assert one_line(f"bad token {TOKEN[:5]}\u200b{TOKEN[5:]}") == "bad token [secret]"


def test_a_token_at_the_cut_is_not_cut_but_hidden():
    """Redacted first, shortened then."""
    assert "hf_" not in one_line("x" * 190 + " " + TOKEN)


@pytest.mark.parametrize("before", range(3975, 4001))
def test_a_long_text_is_never_cut_inside_a_secret(before):
    """A secret of which only a part is left is known by no pattern, so its word goes with it."""
    text = "x" * (before - 1) + " " + "plain-secret-1 after " * 9

    assert "plain-s" not in one_line(text, Secret("plain-secret-1"), limit=100_000)
    assert "p" not in one_line(text, Secret("plain-secret-1"), limit=100_000)[before:].replace("[secret]", "")
