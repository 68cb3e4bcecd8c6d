"""Versioned: does a provider's name for a model stay with one version of it?

Pure, and told from the name alone. Where makers publish a dated name beside a
bare one, the bare one moves. What cannot be told is not held against a name.
Sources: the lists of models and the pages on aliases and snapshots of OpenAI,
Anthropic, Google, Mistral, xAI, Cohere, DeepSeek and Alibaba.
"""

import re
from collections.abc import Mapping
from typing import Final

from resilient_infer.core.target import Pin
from resilient_infer.lock.entries import Alias
from resilient_infer.lock.findings import Finding, Said
from resilient_infer.lock.problems import quote

_MONTH: Final = r"(?:0[1-9]|1[0-2])"
_DAY: Final = r"(?:0[1-9]|[12]\d|3[01])"
_YEAR: Final = r"20[12]\d"

_VERSION: Final = re.compile(
    rf"(?<!\d){_YEAR}[-_.]?{_MONTH}(?:[-_.]?{_DAY})?(?!\d)"  # 2025-04-14, 20240620, 2024-05
    rf"|(?<!\d){_MONTH}[-_.]{_YEAR}(?!\d)"  # 08-2024
    rf"|(?<!\d)(?:{_MONTH}-?{_DAY}|[12]\d{_MONTH}(?:{_DAY})?)(?!\d)"  # 05-20, 0613, 2411, 250115
    r"|(?<![a-z0-9])0\d\d(?!\d)"  # 001
    r"|@\d|(?<![a-z])v\d"  # @3, v1.2, v3p1
    r"|(?<![a-z0-9])(?=[a-f]*\d)[0-9a-f]{12,64}(?![a-z0-9])"  # a commit or digest
    r"|^ft:"  # fine-tuned: a name of its own for each job
)
_MOVES: Final = re.compile(r"(?<![a-z0-9])(latest|newest)(?![a-z0-9])|[@:/](default|auto)$")
_SIBLINGS: Final = re.compile(
    r"gpt-\d|chatgpt-|o\d(?![a-z0-9])|sora-\d"  # OpenAI
    r"|claude-(?:3|(?:opus|sonnet|haiku)-4(?:[-.][0-5])?(?![-.\d]))"  # Anthropic, before 4.6
    r"|gemini-(?:1\.\d|2\.0)-"  # Google
    r"|grok-"  # xAI
    r"|qwen[\d.]*-(?:vl-)?(?:max|plus|turbo|flash|long)(?![a-z0-9])"  # Alibaba
)
"""Families whose makers publish each version under a name of its own, and let the bare name move on."""

_VENDOR: Final = re.compile(r"^(?:.*/|(?:[a-z]+\.)+)(?=[a-z])")
"""`openai/`, `accounts/x/models/`, `us.anthropic.`: who sells it, before what it is called."""


def floating_names(aliases: Mapping[str, Alias], file: str) -> list[Finding]:
    """RI502: names declared `pin: versioned` that move, as the manifest `file` has them."""
    found = []
    for alias in aliases.values():
        for route in (route for target in alias.targets for route in target.routes):
            why = floats(route.name) if route.pin is Pin.VERSIONED else ""
            if why:
                said = Said(
                    code="RI502",
                    message=f"{route.provider}: {quote(route.name)} is declared versioned, but {why}",
                    hint="take a name with a date or version, or declare pin: floating",
                )
                found.append(said.of(alias.name, file, route.line))
    return found


def floats(name: str) -> str:
    """Why a name may stand for another version tomorrow; "" if it does not, or if that cannot be told."""
    whole = name.lower()
    moves = _MOVES.search(whole)
    if moves:
        return f'"{moves[1] or moves[2]}" stands for whatever that is'
    if _VERSION.search(whole):
        return ""
    if _SIBLINGS.match(_VENDOR.sub("", whole)):
        return "its maker publishes the versions under dated names and moves this one"
    return "" if re.search(r"\d", whole) else "it carries neither date nor version"
