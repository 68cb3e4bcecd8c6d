"""Start: the manifest to begin with."""

import re

from resilient_infer.lock.insert import with_alias
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.start import START


def test_it_can_be_read_and_has_one_alias() -> None:
    """Ready to be locked."""
    assert list(parse_manifest(START, "models.yaml", None).aliases) == ["sentiment"]


def test_what_it_shows_in_comments_is_valid_as_well() -> None:
    """Without the signs before it, all of it."""
    text = START.decode()
    shown = re.sub(r"(?m)^( *)# (providers:|  .*|mood:|assistant:)$", r"\1\2", text)
    manifest = parse_manifest(shown.encode(), "models.yaml", None)

    assert shown.count("\n") == text.count("\n")
    assert set(manifest.aliases) == {"sentiment", "mood", "assistant"}
    assert {"ours", "groq"} < set(manifest.providers)


def test_another_alias_can_be_added_to_it() -> None:
    """Without harm to the comments."""
    added = with_alias(START, "gpt2", "openai-community/gpt2")

    assert set(parse_manifest(added, "models.yaml", None).aliases) == {"gpt2", "sentiment"}
    assert set(START.splitlines()) < set(added.splitlines())
