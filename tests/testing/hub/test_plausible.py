"""Plausible: models that look like real ones to whoever reads their configs."""

import json
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox.hub import Hub, Look, plausible, weights
from resilient_infer.testing.sandbox.hub.card import card_of


def read(files: dict[str, bytes | str], path: str) -> dict[str, object]:
    content: dict[str, object] = json.loads(files[path])
    return content


@given(seed=st.text(), numbers=st.integers(1, 600))
def test_weights_are_valid_safetensors(seed: str, numbers: int) -> None:
    """A length, a header of JSON, and exactly the bytes that it announces; aligned to 8."""
    content = weights(seed, numbers)
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])

    assert length % 8 == 0
    assert header["weight"]["data_offsets"] == [0, numbers * 4]
    assert len(content) == 8 + length + numbers * 4
    assert weights(seed, numbers) == content


def test_a_classifier_has_its_labels_in_order() -> None:
    """As `id2label`, and the other way round."""
    config = read(plausible(Look(labels=("a", "b", "c"), max_length=77)), "config.json")

    assert config["id2label"] == {"0": "a", "1": "b", "2": "c"}
    assert config["label2id"] == {"a": 0, "b": 1, "c": 2}
    assert config["max_position_embeddings"] == 77


def test_an_embedding_that_ends_in_a_dense_layer() -> None:
    """`hidden_size` is not the dimension: the last module says it."""
    files = plausible(Look(task="sentence-similarity", dense=True, hidden=768, dimension=128))
    modules = json.loads(files["modules.json"])

    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Dense", "3_Normalize"]
    assert read(files, "config.json")["hidden_size"] == 768
    assert read(files, "1_Pooling/config.json")["word_embedding_dimension"] == 768
    assert read(files, "2_Dense/config.json")["out_features"] == 128


def test_a_chat_model_has_a_template_and_others_have_none() -> None:
    """In the tokenizer's config."""
    chat = plausible(Look(task="text-generation", chat=True))
    assert "messages" in str(read(chat, "tokenizer_config.json")["chat_template"])
    assert "chat_template" not in read(plausible(Look(task="text-generation")), "tokenizer_config.json")


def test_an_adapter_names_its_base_and_has_no_config() -> None:
    """As peft writes it."""
    files = plausible(Look(task="text-generation", adapter_of="acme/base"))
    assert read(files, "adapter_config.json")["base_model_name_or_path"] == "acme/base"
    assert "config.json" not in files
    assert card_of(str(files["README.md"]).encode())["library_name"] == "peft"


@pytest.mark.parametrize("look", [Look(task=None, license=None), Look(task="image-classification")])
def test_a_card_says_what_is_known(look: Look) -> None:
    """And no more."""
    card = card_of(str(plausible(look)["README.md"]).encode())
    assert (card.get("pipeline_tag"), card.get("license")) == (look.task, look.license)


def test_no_two_models_have_the_same_weights(bare: Hub) -> None:
    """Unless they are asked to."""
    repos = [bare.model(f"acme/m{number}") for number in range(20)]
    same = [bare.model(f"acme/s{number}", Look(seed="s")) for number in range(2)]
    digests = [repo.at("main").files["model.safetensors"].sha256 for repo in repos + same]

    assert len(set(digests)) == 21
    assert all(one != other for one, other in pairwise(sorted(repo.head for repo in repos + same)))
