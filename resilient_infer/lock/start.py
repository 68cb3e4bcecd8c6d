"""Start: the manifest to begin with. It can be locked and called as it is, and shows what else there is."""

from typing import Final

START: Final = b"""\
# What can be called, by alias. After a change run: resilient-infer lock
version: 1

# Servers besides Hugging Face's own. Keys are never written down: key_env is the NAME of a variable.
# providers:
#   ours: {kind: tei, url_env: SENTIMENT_URL, key_env: HF_TOKEN}
#   groq: {kind: openai, url: "https://api.groq.com/openai/v1", key_env: GROQ_API_KEY}

models:
  # One line an alias: a model of the Hub, with @branch, @tag or @commit for another version than main.
  sentiment: distilbert/distilbert-base-uncased-finetuned-sst-2-english

  # With fallbacks: the models in their order, and for each the ways to it.
  # mood:
  #   deadline: 5
  #   targets:
  #     - model: distilbert/distilbert-base-uncased-finetuned-sst-2-english
  #       routes: [ours, hf-inference]
  #     - model: siebert/sentiment-roberta-large-english

  # A chat model that only a service knows: no commit can be locked, and pin says so.
  # assistant:
  #   task: chat
  #   targets:
  #     - {provider: groq, name: llama-3.1-8b-instant, pin: floating}
"""
