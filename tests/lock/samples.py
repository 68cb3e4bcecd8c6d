"""Manifests and locks the tests of this folder share."""

from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.reader import Parser

PARSERS: Final[tuple[Parser, ...]] = ("c", "pure")
COMMIT: Final = "714eb0fa89d2f80546fda750413ed43d93601a13"
OTHER_COMMIT: Final = "4225332178759948e04347560002921719079454"

FULL: Final = b"""\
version: 1
providers:
  groq: {kind: openai, url: "https://api.groq.com/openai/v1/", key_env: GROQ_API_KEY, concurrency: 8}
  ours:
    kind: hf-endpoint
    url_env: SENTIMENT_URL
    key_env: HF_TOKEN
    headers: {X-Scale-Up-Timeout: "600"}
    max_response: 1048576
    breaker: {open: 2}
policy: {retries: 1, breaker: {consecutive: 3, open: 1}}
models:
  sentiment:
    safe: false
    targets:
      - model: distilbert/distilbert-base-uncased-finetuned-sst-2-english
        routes: [ours, hf-inference]
      - {model: siebert/sentiment-roberta-large-english@refs/pr/3, context: 512}
  chat:
    task: chat
    balance: ordered
    deadline: 60
    attempt_timeout: 20.5
    max_wait: 0
    min_useful: 1
    refusal_fallback: true
    targets:
      - model: meta-llama/Llama-3.1-8B-Instruct
        routes:
          - {provider: groq, name: llama-3.1-8b, price: {input: 0.05, output: 0.8}, attempt_timeout: 5}
      - {provider: openai, name: gpt-4.1-mini-2025-04-14, pin: versioned, price: {input: 0}}
  gpt2: openai-community/gpt2@main
environments:
  prod:
    gpt2: openai-community/gpt2@v1.0
"""

LONG: Final = b"""\
version: 1
providers:                        # how to reach a server; secrets only as the NAME of an environment variable
  groq:  {kind: openai, url: https://api.groq.com/openai/v1, key_env: GROQ_API_KEY}
  ours:  {kind: tei, url_env: SENTIMENT_URL, key_env: HF_TOKEN}
policy: {retries: 2}              # defaults for every alias; an alias may override each key
models:
  sentiment:
    targets:                      # ordered fallback models
      - model: distilbert/distilbert-base-uncased-finetuned-sst-2-english
        routes: [ours, hf-inference]          # ways to the same weights: not a fallback in meaning
      - model: siebert/sentiment-roberta-large-english
        labels: {negative: NEGATIVE, positive: POSITIVE}   # this model's labels: the first target's
  chat:
    task: chat
    targets:
      - model: meta-llama/Llama-3.1-8B-Instruct
        routes:
          - {provider: groq, name: llama-3.1-8b-instant, price: {input: 0.05, output: 0.08}}
          - {provider: hf-router, name: "meta-llama/Llama-3.1-8B-Instruct:together", price: {input: 0.18}}
      - {provider: openai, name: gpt-4.1-mini-2025-04-14, pin: versioned}
environments:
  prod:
    sentiment:
      targets: [{model: distilbert/distilbert-base-uncased-finetuned-sst-2-english, routes: [ours]}]
"""


def problems_of(error: ConfigError) -> list[tuple[int, int, str]]:
    """Line, column and path of each problem, in order."""
    return [(problem.line, problem.column, problem.path) for problem in error.problems]


def pin(model: str, requested: str = "main", revision: str = COMMIT) -> str:
    """One pin of a lock written by hand."""
    return f'      - {{model: {model}, requested: {requested}, revision: "{revision}"}}\n'


def lock_of(**entries: str) -> bytes:
    """A lock of aliases and the text of their pins."""
    blocks = "".join(f"  {alias}:\n    pins:\n{pins}" for alias, pins in entries.items())
    return f'lock_version: "1.0"\nmodels:\n{blocks}'.encode()
