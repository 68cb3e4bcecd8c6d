"""Weights: which files a loader would take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.lockfile import MOST_WEIGHTS
from resilient_infer.lock.weights import holds_weights, largest, sample, taken, weights_of


def files(*paths: str) -> list[HubFile]:
    """Each larger than the one before."""
    return [
        HubFile(path=path, size=index, digest=f"sha256:{index:064x}") for index, path in enumerate(paths, 1)
    ]


@pytest.mark.parametrize(
    ("paths", "taken"),
    [
        # distilbert/distilbert-base-uncased-finetuned-sst-2-english
        (
            "config.json model.safetensors onnx/model.onnx pytorch_model.bin rust_model.ot tf_model.h5",
            "model.safetensors",
        ),
        # A large model in shards, with Meta's own layout beside it.
        (
            "model-00001-of-00002.safetensors model-00002-of-00002.safetensors original/consolidated.00.pth",
            "model-00001-of-00002.safetensors model-00002-of-00002.safetensors",
        ),
        # Mistral: the same weights twice.
        (
            "consolidated.safetensors model-00001-of-00001.safetensors",
            "model-00001-of-00001.safetensors",
        ),
        ("consolidated.safetensors params.json", "consolidated.safetensors"),
        # Whole and in shards.
        ("model.safetensors model-00001-of-00002.safetensors", "model.safetensors"),
        # sentence-transformers: parts in different formats.
        (
            "model.safetensors 2_Dense/pytorch_model.bin openvino/openvino_model.bin",
            "model.safetensors 2_Dense/pytorch_model.bin",
        ),
        # diffusers
        (
            "a/diffusion_pytorch_model.safetensors a/pytorch_model.bin b/diffusion_pytorch_model.bin",
            "a/diffusion_pytorch_model.safetensors b/diffusion_pytorch_model.bin",
        ),
        # Adapters, and what training leaves behind.
        (
            "adapter_model.safetensors training_args.bin optimizer.pt checkpoint-500/model.safetensors",
            "adapter_model.safetensors",
        ),
        ("pytorch_model.bin tf_model.h5 training_args.bin", "pytorch_model.bin"),
        ("llama.Q4_K_M.gguf llama.Q8_0.gguf config.json", "llama.Q4_K_M.gguf llama.Q8_0.gguf"),
        ("onnx/model.onnx onnx/model.onnx_data", "onnx/model.onnx onnx/model.onnx_data"),
        ("lid.176.bin", "lid.176.bin"),
        ("tf_model.h5 flax_model.msgpack", "tf_model.h5 flax_model.msgpack"),
        ("model.pkl README.md", "model.pkl"),
        ("README.md", ""),
    ],
)
def test_what_a_loader_would_take(paths: str, taken: str) -> None:
    """Safetensors, else PyTorch's, else what is there; nothing twice."""
    assert sorted(weights_of(files(*paths.split()))) == sorted(taken.split())


def test_of_very_many_the_largest_are_listed() -> None:
    """`files` covers them all."""
    many = files(*(f"model-{index:05}-of-00100.safetensors" for index in range(100)))

    kept = weights_of(many)

    assert list(kept) == [file.path for file in many[-MOST_WEIGHTS:]]


def test_the_sample_is_the_largest_weight_file() -> None:
    """Of a repo without weights, the largest file."""
    assert largest(files("a.safetensors", "b.safetensors", "huge.png")).path == "b.safetensors"
    assert largest(files("README.md", "config.json")).path == "config.json"


def test_a_locks_sample_is_the_same_file_every_time() -> None:
    """The lock has no sizes: the upper folder first, then by name."""
    weights = {"2_Dense/model.safetensors": "x", "model-2.safetensors": "x", "model-1.safetensors": "x"}

    assert sample(weights) == sample(dict(reversed(weights.items()))) == "model-1.safetensors"
    assert sample({}) is None


@given(paths=st.lists(st.text(max_size=12) | st.sampled_from(["a/b.bin", "x.safetensors"]), unique=True))
def test_any_names_are_sorted_out(paths: list[str]) -> None:
    """Names are written by strangers."""
    listed = files(*paths)

    weights = weights_of(listed)

    assert set(weights) <= set(paths)
    assert all(holds_weights(path) for path in weights)
    assert not listed or largest(listed) in listed


def test_a_path_no_lock_can_hold_is_left_out() -> None:
    """One odd file must not keep a lock from being written; `files` covers it."""
    odd = files("a\x01.safetensors", "two\nlines.safetensors", "/abs.safetensors", "fine.safetensors")

    assert list(weights_of(odd)) == ["fine.safetensors"]


PATHS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "a/", "b/c/"]),
    st.sampled_from(
        [
            "model",
            "model-00001-of-00002",
            "pytorch_model",
            "consolidated",
            "consolidated.00",
            "x",
            "optimizer",
        ]
    ),
    st.sampled_from([".safetensors", ".bin", ".gguf", ".onnx", ".pt", ".h5", ".json", ".pkl"]),
)


@given(paths=st.sets(PATHS, max_size=12), drawn=st.data())
def test_what_a_loader_takes_of_all_it_takes_of_those_and_any_others(
    paths: set[str], drawn: st.DataObject
) -> None:
    """So a file that is taken beside the locked ones is none of the commit's."""
    some = drawn.draw(st.sets(st.sampled_from(sorted(paths)))) if paths else set()

    assert taken(taken(paths) | some) == taken(paths)
