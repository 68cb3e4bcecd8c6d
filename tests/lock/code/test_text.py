"""Text: programs in any language, and what people write beside them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.code.text import read_text

from .seeing import Seen, in_short

FILES: dict[str, tuple[str, list[Seen]]] = {
    "fetch in JavaScript": (
        """\
async function query(data) {
  const response = await fetch("https://api-inference.huggingface.co/models/openai-community/gpt2", {
    headers: { Authorization: `Bearer ${process.env.HF_TOKEN}` }, method: "POST", body: JSON.stringify(data),
  });
}
""",
        [("openai-community/gpt2", None, None, "hf-inference")],
    ),
    "curl, and a chat": (
        """\
curl https://router.huggingface.co/v1/chat/completions \\
  -H "Authorization: Bearer $HF_TOKEN" \\
  -d '{"messages": [], "model": "meta-llama/Llama-3.1-8B-Instruct:together", "stream": false}'
""",
        [
            (
                "meta-llama/Llama-3.1-8B-Instruct",
                None,
                "chat",
                "hf-router",
                "meta-llama/Llama-3.1-8B-Instruct:together",
            )
        ],
    ),
    "compose in YAML": (
        (
            "services:\n  web:\n    environment:\n"
            "      API_URL: https://router.huggingface.co/hf-inference/models/org/m\n"
        ),
        [("org/m", None, None, "hf-inference")],
    ),
    "a Dockerfile": (
        "FROM alpine\nADD https://huggingface.co/TheBloke/m-GGUF/resolve/v1/m.Q4_K_M.gguf /models/\n",
        [("TheBloke/m-GGUF", "v1")],
    ),
    "an .env file": (
        "URL=https://api-inference.huggingface.co/models/org/m\r\nX=1\r\n",
        [("org/m", None, None, "hf-inference")],
    ),
    "an endpoint that chats": (
        'url: https://x1.aws.endpoints.huggingface.cloud/v1/chat/completions\nmodel: "tgi"\n',
        [(None, None, "chat", "openai", "tgi")],
    ),
    "Go with a verb of its own": ('fmt.Sprintf("https://api-inference.huggingface.co/models/%s", m)', []),
    "nothing": ("lorem ipsum", []),
}


@pytest.mark.parametrize("name", FILES)
def test_addresses_are_found_in_any_text(name: str) -> None:
    """With the line they stand in."""
    text, expected = FILES[name]
    reading = read_text(text, name)

    assert [in_short(each) for each in reading.sightings] == expected
    assert all("huggingface" in text.split("\n")[each.spot.line - 1] for each in reading.sightings)


def test_what_an_address_leaves_open_is_told() -> None:
    """The line, and why."""
    reading = read_text("\n\ncurl https://api-inference.huggingface.co/models/$MODEL", "a.sh")

    assert [str(each.spot) for each in reading.not_told] == ["a.sh:3"]


def test_a_model_that_looks_like_a_token_is_not_repeated() -> None:
    """In an address, and in the body of a request."""
    reading = read_text(
        "https://api-inference.huggingface.co/models/org/hf_abcdEFGH12345678\n"
        'https://router.huggingface.co/v1 {"model": "sk-abcdefgh12345678"}',
        "a",
    )

    assert reading.sightings == []
    assert len(reading.not_told) == 2
    assert "abcd" not in repr(reading)


def test_a_model_that_no_server_can_have_is_told() -> None:
    """Names are ASCII."""
    reading = read_text('https://x1.aws.endpoints.huggingface.cloud/v1 {"model": "\u00f3rg/m"}', "a")

    assert (reading.sightings, len(reading.not_told)) == ([], 1)


def test_tokens_are_told_by_their_lines() -> None:
    """One line once."""
    reading = read_text("a\nhf_abcdEFGH12345678 sk-abcdefgh12345678\nb\nexport T=hf_abcdEFGH12345678\n", "a")

    assert [spot.line for spot in reading.tokens] == [2, 4]


@given(st.lists(st.sampled_from(["\n", "\r\n", "x", "https://api-inference.huggingface.co/models/org/m "])))
def test_lines_are_counted_as_editors_count_them(parts: list[str]) -> None:
    """From 1, by line feeds."""
    text = "".join(parts)
    found = read_text(text, "a").sightings

    expected = [number for number, line in enumerate(text.split("\n"), 1) for _ in range(line.count("https"))]
    assert sorted(each.spot.line for each in found) == expected
