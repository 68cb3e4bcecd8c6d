"""Versioned: which names stay, which move, and which cannot be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.findings import Finding, Level, exit_code
from resilient_infer.lock.versioned import floats
from tests.lock.locking import checked, manifest_of, said
from tests.lock.samples import lock_of

STAY = [
    "gpt-4.1-mini-2025-04-14",
    "gpt-4o-2024-08-06",
    "gpt-4-0613",
    "gpt-3.5-turbo-1106",
    "gpt-4-0125-preview",
    "o1-2024-12-17",
    "gpt-4o-mini-realtime-preview-2024-12-17",
    "sora-2-2025-10-06",
    "text-embedding-ada-002",
    "davinci-002",
    "tts-1-1106",
    "openai/gpt-4.1-2025-04-14",
    "ft:gpt-4o-mini:acme::9aBcDeF",
    "ft:gpt-3.5-turbo-0125:acme:support:8Xyz",
    "claude-3-5-sonnet-20240620",
    "claude-sonnet-4-5-20250929",
    "claude-3-opus@20240229",
    "claude-sonnet-4@20250514",
    "anthropic.claude-3-5-sonnet-20240620-v1:0",
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "amazon.titan-text-express-v1",
    "gemini-1.5-pro-002",
    "gemini-2.0-flash-001",
    "gemini-2.5-flash-preview-05-20",
    "gemini-exp-1206",
    "gemini-embedding-001",
    "text-embedding-004",
    "imagen-4.0-generate-001",
    "mistral-large-2411",
    "codestral-2501",
    "ministral-8b-2410",
    "mistral-embed-v1",
    "open-mixtral-8x22b-2404",
    "command-r-08-2024",
    "command-r-plus-04-2024",
    "command-r7b-12-2024",
    "embed-english-v3.0",
    "rerank-v3.5",
    "grok-2-1212",
    "grok-4-0709",
    "deepseek-r1-0528",
    "deepseek-v3",
    "kimi-k2-0905-preview",
    "qwen-max-2025-01-25",
    "qwen3-max-2025-09-23",
    "doubao-1-5-pro-32k-250115",
    "doubao-seedream-4-0-250828",
    "accounts/fireworks/models/llama-v3p1-8b-instruct",
    "stable-diffusion-xl-1024-v1-0",
    "acme/model:v1.2",
    "acme/model@3",
    "stability-ai/sdxl:39ed52f2a78e934b3ba6e2a89f5b1c712de7dfea535525255b1aa35c5565e08b",
    "org/model@714eb0fa89d2f80546fda750413ed43d93601a13",
]

MOVE = [
    "gpt-4.1-mini",
    "gpt-4.1",
    "gpt-4o",
    "gpt-4-turbo",
    "gpt-3.5-turbo",
    "gpt-4-32k",
    "gpt-5",
    "gpt-5.1-chat",
    "gpt-realtime",
    "o1",
    "o3-mini",
    "sora-2",
    "chatgpt-4o-latest",
    "openai/gpt-4.1-mini",
    "GPT-4o",
    "claude-3-5-sonnet-latest",
    "claude-3-opus",
    "claude-sonnet-4",
    "claude-sonnet-4-5",
    "claude-3-7-sonnet@default",
    "anthropic/claude-3.5-sonnet",
    "gemini-pro",
    "gemini-1.5-flash",
    "gemini-2.0-flash",
    "gemini-flash-latest",
    "google/gemini-2.0-flash",
    "mistral-large",
    "mistral-small-latest",
    "codestral-latest",
    "grok-4",
    "grok-2-vision-latest",
    "gemini-2.0-flash-exp",
    "grok-3-mini",
    "grok-2-vision",
    "deepseek-chat",
    "command-r-plus",
    "sonar-pro",
    "qwen-plus",
    "qwen3-max",
    "qwen2.5-vl-max",
    "llama3:latest",
    "openrouter/auto",
    "prod-chat",
]

UNTOLD = [
    "text-embedding-3-small",
    "dall-e-3",
    "gpt-image-1",
    "gpt-oss-120b",
    "whisper-1",
    "llama-3.1-8b-instant",
    "llama3-8b-8192",
    "mixtral-8x7b-32768",
    "flux-1.1-pro",
    "voyage-3.5-lite",
    "gemini-2.5-flash",
    "claude-opus-4-6",
    "anthropic.claude-sonnet-4-6",
    "claude-opus-4-8",
    "kimi-k2",
    "glm-4.6",
    "phi-4",
    "qwen2.5-72b-instruct",
    "gemma2-9b-it",
    "o200k-base",
    "acme-2",
    "olmo-2-1124x",
]


@pytest.mark.parametrize("name", STAY)
def test_a_name_with_a_date_or_version_stays(name: str) -> None:
    assert floats(name) == ""


@pytest.mark.parametrize("name", MOVE)
def test_a_bare_name_of_a_family_with_dated_ones_moves(name: str) -> None:
    assert floats(name)


@pytest.mark.parametrize("name", UNTOLD)
def test_what_cannot_be_told_is_no_alarm(name: str) -> None:
    """A number may be all the version there is."""
    assert floats(name) == ""


@given(st.sampled_from(MOVE).filter(lambda name: "latest" not in name), st.dates())
def test_ri502_a_date_behind_it_settles_any_name(name: str, day: object) -> None:
    """Of our days, that is: 1850 is no version."""
    stamp = str(day)
    if "2010" <= stamp < "2030" and not name.endswith(("auto", "default")):
        assert floats(f"{name}-{stamp}") == ""


@given(st.text(max_size=200))
def test_any_text_is_a_name(name: str) -> None:
    assert isinstance(floats(name), str)


CHAT = """\
  chat:
    task: chat
    targets:
      - {{provider: openai, name: {name}, pin: {pin}}}
"""


def found(name: str, pin: str) -> tuple[Finding, ...]:
    lock = lock_of(chat=f"      - {{provider: openai, name: {name}, pin: {pin}}}\n").decode()
    lock = lock.replace("    pins:", "    task: chat\n    pins:")
    return checked(manifest_of(CHAT.format(name=name, pin=pin)), lock)


def test_ri502_a_floating_name_declared_versioned_is_a_warning_in_its_line() -> None:
    (finding,) = found("gpt-4.1-mini", "versioned")

    assert (finding.code, finding.level, finding.alias) == ("RI502", Level.WARNING, "chat")
    assert (finding.file, finding.line) == ("lockfiles/models.yaml", 6)
    assert 'openai: "gpt-4.1-mini" is declared versioned' in finding.message
    assert "pin: floating" in finding.hint
    assert exit_code([finding]) == 0
    assert exit_code([finding], fail_on=["warning"]) == 1


def test_ri502_is_not_said_of_what_is_declared_floating_or_carries_a_date() -> None:
    assert found("gpt-4.1-mini", "floating") == ()
    assert found("gpt-4.1-mini-2025-04-14", "versioned") == ()


def test_ri502_is_said_before_there_is_a_lock() -> None:
    text = manifest_of(CHAT.format(name="gpt-4.1-mini", pin="versioned"))
    assert said(checked(text, None)) == [("RI101", "chat"), ("RI502", "chat")]
