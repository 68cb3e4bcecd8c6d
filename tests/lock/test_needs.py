"""Needs: what a model really loads from elsewhere, and no name that is merely kept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.configs import wanted
from resilient_infer.lock.locked import Need, NeedKind
from resilient_infer.lock.needs import needs_of, own_code
from resilient_infer.lock.read_pin import MOST_NEEDS
from resilient_infer.lock.reference import parse_reference

COMMIT = "714eb0fa89d2f80546fda750413ed43d93601a13"


def json_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def needs(files: Mapping[str, Any], model: str = "acme/model") -> list[tuple[str, str, str]]:
    """What is needed, given the files' contents as values."""
    found = needs_of(model, {path: json_of(value) for path, value in files.items()})
    return [(need.model, need.requested, need.kind.value) for need in found]


BASE = "base_model_name_or_path"
REAL: dict[str, tuple[dict[str, Any], list[tuple[str, str, str]]]] = {
    "an adapter": ({"adapter_config.json": {BASE: "acme/base"}}, [("acme/base", "main", "base")]),
    "an adapter that names a branch": (
        {"adapter_config.json": {BASE: "gpt2", "revision": "v1.0"}},
        [("gpt2", "v1.0", "base")],
    ),
    "an adapter that names a commit": (
        {"adapter_config.json": {BASE: "acme/base", "revision": COMMIT}},
        [("acme/base", COMMIT, "base")],
    ),
    "an adapter whose revision is none": (
        {"adapter_config.json": {BASE: "acme/base", "revision": "a b"}},
        [("acme/base", "main", "base")],
    ),
    "a fine-tune that runs its ancestor's code": (
        {
            "config.json": {"auto_map": {"AutoConfig": "acme/old--configuration_x.XConfig"}},
            "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["acme/tok--tokenization_x.X", None]}},
        },
        [("acme/old", "main", "code"), ("acme/tok", "main", "code")],
    ),
    "a tokenizer's old list": (
        {"tokenizer_config.json": {"auto_map": ["acme/tok--tokenization_x.Slow", "acme/tok--fast_x.Fast"]}},
        [("acme/tok", "main", "code")],
    ),
    "processors": (
        {
            "preprocessor_config.json": {"auto_map": {"AutoImageProcessor": "acme/img--processing_x.X"}},
            "processor_config.json": {"auto_map": {"AutoProcessor": "acme/pro--processing_x.X"}},
        },
        [("acme/img", "main", "code"), ("acme/pro", "main", "code")],
    ),
    "a module of sentence-transformers": (
        {
            "modules.json": [
                {"path": "", "type": "acme/st--custom_st.Transformer"},
                {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            ],
            "sentence_bert_config.json": {"tokenizer_name_or_path": "acme/words", "max_seq_length": 128},
        },
        [("acme/st", "main", "code"), ("acme/words", "main", "tokenizer")],
    ),
    "a module in a folder": (
        {
            "modules.json": [{"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}],
            "0_Transformer/config.json": {"auto_map": {"AutoModel": "acme/old--modeling_x.X"}},
        },
        [("acme/old", "main", "code")],
    ),
    "open_clip": (
        {
            "open_clip_config.json": {
                "model_cfg": {"text_cfg": {"hf_tokenizer_name": "roberta-base", "hf_model_name": "acme/text"}}
            }
        },
        [("acme/text", "main", "config"), ("roberta-base", "main", "tokenizer")],
    ),
    "one repo for two reasons": (
        {
            "adapter_config.json": {BASE: "acme/base"},
            "config.json": {"auto_map": {"AutoModel": "acme/base--modeling_x.X"}},
        },
        [("acme/base", "main", "base"), ("acme/base", "main", "code")],
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_what_a_library_loads_is_needed(name: str) -> None:
    """From the ref that the config names, else from the default branch; sorted."""
    files, expected = REAL[name]

    assert needs(files) == expected
    assert {path for path in files if path in wanted_of(files)} == set(files)


def wanted_of(files: Mapping[str, Any]) -> set[str]:
    """Which files `lock` reads of such a repo."""
    contents: dict[str, bytes] = {}
    while further := wanted(frozenset(files), contents):
        contents |= {path: json_of(files[path]) for path in further}
    return set(contents)


KEPT: dict[str, dict[str, Any]] = {
    "where a tokenizer was trained": {"tokenizer_config.json": {"name_or_path": "acme/other"}},
    "where a model was trained": {"config.json": {"_name_or_path": "acme/other", "base_model": "acme/other"}},
    "the tokenizer of a trained prompt": {"adapter_config.json": {"tokenizer_name_or_path": "acme/other"}},
    "its own code": {"config.json": {"auto_map": {"AutoModel": "modeling_x.X"}}},
    "its own code by its own name": {"config.json": {"auto_map": {"AutoModel": "acme/model--modeling_x.X"}}},
    "itself": {"adapter_config.json": {BASE: "acme/model"}},
    "a folder of somebody's machine": {"adapter_config.json": {BASE: "/home/me/base"}},
    "a folder beside it": {"adapter_config.json": {BASE: "./base"}},
    "a folder of Windows": {"adapter_config.json": {BASE: "C:\\models\\base"}},
    "an address": {"adapter_config.json": {BASE: "https://huggingface.co/acme/base"}},
    "a token": {"adapter_config.json": {BASE: "hf_" + "a" * 34}},
    "nothing": {"adapter_config.json": {BASE: ""}},
    "null": {"adapter_config.json": {BASE: None}},
    "a map of another kind": {"config.json": {"auto_map": 5}},
    "a class without a module": {"config.json": {"auto_map": {"AutoModel": "acme/x--Model"}}},
    "a class too many": {"config.json": {"auto_map": {"AutoModel": "acme/x--a.b.C"}}},
    "a module of the library": {"modules.json": [{"type": "sentence_transformers.models.Pooling"}]},
    "a module of a package": {"modules.json": [{"type": "pylate.models.Dense.Dense"}]},
}


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_and_not_loaded_is_no_need(name: str) -> None:
    """Names of other repos stand in many places; most are where something came from."""
    assert needs(KEPT[name]) == []


def test_of_many_names_a_bounded_number_is_kept_and_always_the_same() -> None:
    """A config of a thousand repos is not what a model has."""
    classes = {f"Auto{n}": f"acme/code{n:03}--modeling.X" for n in range(1000)}

    found = needs({"config.json": {"auto_map": classes}})
    again = needs({"config.json": {"auto_map": dict(reversed(list(classes.items())[:256]))}})

    assert len(found) == MOST_NEEDS
    assert found == again == sorted(found)


def test_code_that_would_run_is_told() -> None:
    """What the config names and is there; what runs because it is there; and no script of the training."""
    paths = {"modeling_x.py", "configuration_x.py", "train.py", "handler.py", "custom_generate/generate.py"}
    contents = {
        "config.json": json_of({"auto_map": {"A": "modeling_x.X", "B": "acme/model--configuration_x.Y"}}),
        "tokenizer_config.json": json_of({"auto_map": {"AutoTokenizer": "not_there.X"}}),
        "processor_config.json": json_of({"auto_map": {"AutoProcessor": "acme/other--train.X"}}),
    }

    found = own_code("acme/model", paths, contents)

    assert found == ("configuration_x.py", "custom_generate/generate.py", "handler.py", "modeling_x.py")
    assert own_code("acme/model", {"train.py", "README.md"}, {}) == ()
    odd = {"config.json": json_of({"auto_map": {"A": "--train.X", "B": "acme/x--y--train.X"}})}
    assert own_code("acme/model", {"train.py"}, odd) == ()


def test_a_module_of_sentence_transformers_may_be_code_of_the_repo() -> None:
    """If the file is there; else it is a package's."""
    contents = {"modules.json": json_of([{"path": "", "type": "custom_st.Transformer"}])}

    assert own_code("acme/model", {"custom_st.py", "modules.json"}, contents) == ("custom_st.py",)
    assert own_code("acme/model", {"modules.json"}, contents) == ()
    ours = {"modules.json": json_of([{"path": "", "type": "sentence_transformers.SentenceTransformer"}])}
    assert own_code("acme/model", {"sentence_transformers.py"}, ours) == ()


names = st.sampled_from(
    [
        "acme/x",
        "acme/x--m.C",
        "--m.C",
        "a--b--m.C",
        "acme/x--",
        "m.C",
        "",
        "..",
        "x--\ud83d.C",
        "hf_" + "a" * 34,
    ]
) | st.text(max_size=12)
values = st.recursive(
    names | st.none() | st.integers() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["auto_map", BASE, "revision", "type", "path", "model_cfg", "text_cfg"])
            | st.sampled_from(["hf_tokenizer_name", "tokenizer_name_or_path", "AutoModel"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FILES = (
    "config.json",
    "adapter_config.json",
    "tokenizer_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "open_clip_config.json",
    "processor_config.json",
    "handler.py",
)


@given(
    files=st.dictionaries(st.sampled_from(FILES), values.map(json_of) | st.binary(max_size=20), max_size=6),
    model=st.sampled_from(["acme/x", "acme/model"]),
)
def test_whatever_strangers_write_nothing_is_raised_and_every_need_can_be_locked(
    files: dict[str, bytes], model: str
) -> None:
    """Each names a repo and a ref that the reader of locks takes, never the model itself, and few of them."""
    found = needs_of(model, files)

    assert len(found) <= MOST_NEEDS
    assert list(found) == sorted(set(found), key=lambda need: need.order)
    for need in found:
        assert need == Need(model=need.model, requested=need.requested, kind=NeedKind(need.kind.value))
        assert parse_reference(f"{need.model}@{need.requested}").model == need.model != model
    assert set(own_code(model, files.keys(), files)) <= files.keys()
