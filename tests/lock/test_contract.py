"""The contract: what a repo's small files say, and nothing that they do not."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.configs import wanted
from resilient_infer.lock.contract import (
    MOST_LABELS,
    choose_task,
    contract_of,
    has_chat_template,
    inherited,
)
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.lockfile import Contract, LockedModel, parse_lock
from resilient_infer.testing.sandbox.hub import Look, plausible
from tests.lock.locks import entry, lock
from tests.lock.samples import COMMIT

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PATHS = (
    "config.json",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "2_Dense/config.json",
    "config_setfit.json",
)
KEYS = (
    "id2label",
    "hidden_size",
    "max_position_embeddings",
    "model_max_length",
    "max_seq_length",
    "text_config",
    "word_embedding_dimension",
    "out_features",
    "pooling_mode_mean_tokens",
    "chat_template",
    "architectures",
    "num_labels",
    "labels",
    "model_type",
    "pad_token_id",
    "pooling_mode",
)
TASKS = (None, "text-classification", "feature-extraction", "chat")


def json_of(**values: Any) -> bytes:
    return json.dumps(values).encode()


def modules(*kinds: str, folders: tuple[str, ...] | None = None) -> bytes:
    """`modules.json`, with the usual folders: the first module at the top, each other in its own."""
    named = folders or tuple(f"{index}_{kind}" if index else "" for index, kind in enumerate(kinds))
    listed = [
        {"idx": index, "path": folder, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, folder) in enumerate(zip(kinds, named, strict=True))
    ]
    return json.dumps(listed).encode()


def read_all(files: Mapping[str, bytes | str]) -> dict[str, bytes]:
    """Ask for files as `resolve` does."""
    contents: dict[str, bytes] = {}
    while further := wanted(frozenset(files), contents):
        for path in further:
            content = files[path]
            contents[path] = content if isinstance(content, bytes) else content.encode()
    return contents


def of_look(look: Look) -> Contract:
    files = plausible(look)
    contents = read_all(files)
    chosen = choose_task(look.task, files.keys(), chat_template=has_chat_template(contents))
    return contract_of(chosen.task, contents)


@given(
    contents=st.dictionaries(
        st.sampled_from(PATHS),
        st.binary(max_size=40)
        | st.dictionaries(st.sampled_from(KEYS), json_values).map(lambda value: json.dumps(value).encode())
        | json_values.map(lambda value: json.dumps(value).encode()),
    ),
    task=st.sampled_from(TASKS),
)
def test_contracts_are_total_and_can_be_written(contents: dict[str, bytes], task: str | None) -> None:
    """Whatever a stranger's files hold, there is a contract, and the lock that holds it reads back."""
    contract = contract_of(task, contents)
    pin = LockedModel(model="org/model", requested="main", revision=COMMIT, contract=contract)

    read = parse_lock(lock_text(lock({"a": entry("a", pin)})).encode(), "l.yaml")

    found = read.entries["a"].pins[0]
    assert isinstance(found, LockedModel)
    assert found.contract == contract
    assert isinstance(has_chat_template(contents), bool)
    assert set(wanted(PATHS, contents)) <= set(PATHS) - set(contents)


@given(labels=st.lists(st.text(max_size=4), max_size=4))
def test_labels_are_all_known_or_none_is(labels: list[str]) -> None:
    """In the order of the outputs, as written; half a list would be a wrong one."""
    contents = {"config.json": json_of(id2label={str(index): label for index, label in enumerate(labels)})}

    found = contract_of("text-classification", contents).labels

    assert found is None or found == tuple(labels)
    if labels and all(label.isascii() and label.isalnum() for label in labels):
        assert found == tuple(labels)


@pytest.mark.parametrize(
    "named",
    [
        {"0": "A", "2": "C"},
        {"1": "A", "2": "B"},
        {"0": 0, "1": 1},
        {"0": ""},
        {"0": "two\nlines"},
        {"0": "half \ud800"},
        {"0": "hf_abcdefghijklmnopqrstuvwxyz"},
        {"0": "x" * 1000},
        ["A", "B"],
        {str(index): f"L{index}" for index in range(MOST_LABELS + 1)},
    ],
)
def test_odd_labels_are_not_recorded(named: object) -> None:
    """Gaps, numbers, several lines, tokens, endless lists: one odd repo must not spoil the lock."""
    assert contract_of(None, {"config.json": json_of(id2label=named)}).labels is None


def test_labels_belong_to_tasks_that_answer_with_them() -> None:
    """Configs of embedders keep a LABEL_0, and zero-shot answers with the caller's labels."""
    config = {"config.json": json_of(id2label={"0": "A", "1": "B"})}

    for task in ("text-classification", "token-classification", "object-detection", None):
        assert contract_of(task, config).labels == ("A", "B")
    for task in ("feature-extraction", "zero-shot-classification", "text-generation", "chat"):
        assert contract_of(task, config).labels is None


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        ({"architectures": ["BertForSequenceClassification"]}, ("LABEL_0", "LABEL_1")),
        (
            {"architectures": ["ViTForImageClassification"], "num_labels": 3},
            ("LABEL_0", "LABEL_1", "LABEL_2"),
        ),
        ({"architectures": ["BertForTokenClassification"], "id2label": None}, ("LABEL_0", "LABEL_1")),
        ({"architectures": ["BertForMaskedLM"]}, None),
        ({"architectures": ["BertForSequenceClassification"], "id2label": {"0": 5}}, None),
        ({"architectures": [None]}, None),
        ({"architectures": "BertForSequenceClassification"}, None),
        ({}, None),
    ],
)
def test_a_classifier_that_names_no_labels_has_the_usual_ones(
    config: dict[str, object], labels: tuple[str, ...] | None
) -> None:
    """transformers leaves them out of the config where they are LABEL_0 and LABEL_1."""
    contents = {"config.json": json_of(**config)}

    assert contract_of("text-classification", contents).labels == labels
    assert contract_of("text-generation", contents).labels is None
    assert contract_of(None, contents).labels is None


def test_setfit_has_its_labels_in_a_file_of_its_own() -> None:
    """The config is that of the embedder beneath."""
    contents = {
        "config.json": json_of(architectures=["MPNetModel"], id2label={"0": "LABEL_0"}),
        "config_setfit.json": json_of(labels=["negative", "positive"], normalize_embeddings=False),
    }
    assert contract_of("text-classification", contents).labels == ("negative", "positive")
    contents["config_setfit.json"] = json_of(labels=None)
    assert contract_of("text-classification", contents).labels == ("LABEL_0",)
    contents["config_setfit.json"] = json_of(labels=["a", 5])
    assert contract_of("text-classification", contents).labels is None


def test_an_adapter_has_its_bases_contract_and_what_it_says_itself() -> None:
    """The shorter length holds; a dimension is asked for by the adapter's task, not the base's."""
    base = {
        "config.json": json_of(id2label={"0": "A"}, hidden_size=768, max_position_embeddings=4096),
        "tokenizer_config.json": json_of(model_max_length=8192),
    }
    nothing, short = Contract(), Contract(max_length=512, labels=("B",))

    assert inherited("text-classification", nothing, base) == Contract(labels=("A",), max_length=4096)
    assert inherited("feature-extraction", nothing, base) == Contract(dimension=768, max_length=4096)
    assert inherited("text-classification", short, base) == short
    assert inherited("text-generation", nothing, {}) == nothing


def test_a_classifier() -> None:
    """Labels and length of a model as it lies on the Hub."""
    assert of_look(Look(labels=("BAD", "GOOD"), max_length=128)) == Contract(
        labels=("BAD", "GOOD"), max_length=128
    )


def test_the_dimension_is_the_poolings_not_the_hidden_size() -> None:
    """sentence-transformers: what comes out is what the last module puts out."""
    assert of_look(
        Look(task="sentence-similarity", sentence=True, dimension=384, max_length=256)
    ) == Contract(dimension=384, max_length=256)
    assert of_look(Look(task=None, dense=True, dimension=256, hidden=768)).dimension == 256


def test_ways_of_pooling_add_up() -> None:
    """Each mode that is on adds its vector: two of 768 are 1536 numbers."""
    pooling = json_of(
        word_embedding_dimension=768,
        pooling_mode_cls_token=True,
        pooling_mode_mean_tokens=True,
        pooling_mode_max_tokens=False,
    )
    contents = {
        "modules.json": modules("Transformer", "Pooling", "Normalize"),
        "1_Pooling/config.json": pooling,
    }

    assert contract_of("feature-extraction", contents).dimension == 1536


@pytest.mark.parametrize(("mode", "numbers"), [("mean", 768), (["cls", "mean"], 1536), (["cls"], 768)])
def test_pooling_of_newer_versions_is_read(mode: object, numbers: int) -> None:
    """Other keys, and other modules whose classes have the same names."""
    listed = [
        {"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
        {"path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
    ]
    contents = {
        "modules.json": json.dumps(listed).encode(),
        "1_Pooling/config.json": json_of(embedding_dimension=768, pooling_mode=mode),
    }

    assert contract_of("feature-extraction", contents).dimension == numbers


def test_the_last_dense_counts_and_an_unreadable_one_is_not_guessed() -> None:
    """A wrong dimension would be worse than none."""
    contents = {
        "modules.json": modules("Transformer", "Pooling", "Dense", "Dense", "Normalize"),
        "1_Pooling/config.json": json_of(word_embedding_dimension=768),
        "2_Dense/config.json": json_of(out_features=512),
        "3_Dense/config.json": json_of(out_features=128),
    }

    assert contract_of("feature-extraction", contents).dimension == 128
    assert contract_of("feature-extraction", {**contents, "3_Dense/config.json": b"{"}).dimension is None
    strange = {**contents, "modules.json": modules("Transformer", "Pooling", "SpladePooling")}
    assert contract_of("feature-extraction", strange).dimension is None


def test_modules_may_lie_in_any_folder() -> None:
    """`modules.json` names the folders; older models keep the transformer in one, too."""
    files = {
        "modules.json": modules("Transformer", "Pooling", folders=("0_Transformer", "pool")),
        "0_Transformer/config.json": json_of(hidden_size=768, max_position_embeddings=514),
        "0_Transformer/sentence_roberta_config.json": json_of(max_seq_length=128),
        "pool/config.json": json_of(word_embedding_dimension=768),
        "other/config.json": json_of(hidden_size=1),
    }
    contents = read_all(files)

    assert set(contents) == set(files) - {"other/config.json"}
    assert contract_of("feature-extraction", contents) == Contract(dimension=768, max_length=128)
    del contents["0_Transformer/sentence_roberta_config.json"]
    assert contract_of("feature-extraction", contents).max_length == 514


def test_the_hidden_size_counts_only_for_plain_embedders() -> None:
    """Under the names of several families; for other tasks it is nobody's business."""
    for name in ("hidden_size", "dim", "d_model", "n_embd"):
        assert contract_of("feature-extraction", {"config.json": json_of(**{name: 384})}).dimension == 384
    nested = {"config.json": json_of(text_config={"hidden_size": 1024}, vision_config={"hidden_size": 1})}
    assert contract_of("feature-extraction", nested).dimension == 1024
    assert contract_of("text-classification", {"config.json": json_of(hidden_size=384)}).dimension is None


@pytest.mark.parametrize(
    ("config", "tokenizer", "expected"),
    [
        ({"max_position_embeddings": 514}, {"model_max_length": 512}, 512),
        ({"max_position_embeddings": 2048}, {"model_max_length": 10**30}, 2048),
        ({"max_position_embeddings": 2048}, {"model_max_length": 1e30}, 2048),
        ({"n_positions": 1024}, {}, 1024),
        ({"text_config": {"max_position_embeddings": 4096}}, {}, 4096),
        ({"max_seq_len": 2048}, {}, 2048),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, {}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514}, {}, 512),
        ({"model_type": "camembert", "max_position_embeddings": 514, "pad_token_id": None}, {}, 514),
        ({"model_type": "bert", "max_position_embeddings": 512, "pad_token_id": 0}, {}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 2, "pad_token_id": 5}, {}, None),
        ({"max_position_embeddings": 2048}, {"model_max_length": 131072}, 2048),
        ({"max_position_embeddings": -1}, {"model_max_length": True}, None),
        ({"max_position_embeddings": 0}, {"model_max_length": 10**9}, None),
        ({}, {}, None),
    ],
)
def test_the_length_is_where_tokenizer_or_positions_end(
    config: dict[str, object], tokenizer: dict[str, object], expected: int | None
) -> None:
    """A tokenizer that knows no limit writes 10**30; RoBERTa's first places are taken."""
    contents = {"config.json": json_of(**config), "tokenizer_config.json": json_of(**tokenizer)}

    assert contract_of("text-generation", contents).max_length == expected


def test_hostile_files_cost_nothing() -> None:
    """Brackets without end, digits without end, a hundred thousand modules."""
    for content in (b"[" * 200_000, b'{"hidden_size": ' + b"9" * 100_000 + b"}", b"\xff" * 100):
        assert contract_of("feature-extraction", {"config.json": content}) == Contract()
    many = json.dumps([{"path": f"{index}_Dense", "type": "x.Dense"} for index in range(100_000)]).encode()
    paths = {"modules.json", *(f"{index}_Dense/config.json" for index in range(1000))}

    assert len(wanted(paths, {"modules.json": many})) < 40


@pytest.mark.parametrize(
    ("tag", "paths", "template", "task"),
    [
        ("text-classification", (), False, "text-classification"),
        ("sentence-similarity", ("modules.json",), False, "feature-extraction"),
        (None, ("modules.json",), False, "feature-extraction"),
        ("text-classification", ("modules.json", "config_setfit.json"), False, "text-classification"),
        ("text-generation", (), True, "chat"),
        ("text-generation", (), False, "text-generation"),
        ("text-classification", (), True, "text-classification"),
        (None, (), True, None),
        ("two words", (), False, None),
    ],
)
def test_the_task_is_chosen_with_a_reason(
    tag: str | None, paths: tuple[str, ...], template: bool, task: str | None
) -> None:
    """`pipeline_tag` misleads for embeddings and for chat; `lock` prints why."""
    chosen = choose_task(tag, paths, chat_template=template)

    assert chosen.task == task
    assert chosen.reason


def test_a_chat_template_is_seen_in_the_tokenizers_config() -> None:
    """`null` is none."""
    assert has_chat_template({"tokenizer_config.json": json_of(chat_template="{{ messages }}")})
    assert not has_chat_template({"tokenizer_config.json": json_of(chat_template=None)})
    assert not has_chat_template({})
