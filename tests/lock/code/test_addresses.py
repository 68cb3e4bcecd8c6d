"""Addresses: URLs of the Hub's services, and what they say."""

import pytest

from resilient_infer.lock.code.addresses import HOLE, addresses_in, models_named, named_beside

SAID = {
    "https://api-inference.huggingface.co/models/org/m": ("org/m", None, None),
    "https://api-inference.huggingface.co/models/gpt2": ("gpt2", None, None),
    "http://API-inference.huggingface.co/models/org/m/": ("org/m", None, None),
    "https://api-inference.huggingface.co/models/org/m/v1/chat/completions": ("org/m", None, "chat"),
    "https://api-inference.huggingface.co/pipeline/feature-extraction/org/m": (
        "org/m",
        None,
        "feature-extraction",
    ),
    "https://router.huggingface.co/hf-inference/models/org/m": ("org/m", None, None),
    "https://router.huggingface.co/hf-inference/models/gpt2/pipeline/fill-mask": ("gpt2", None, "fill-mask"),
    "https://router.huggingface.co/hf-inference/models/org/m/pipeline/no-such-task": ("org/m", None, None),
    "https://huggingface.co/org/m/resolve/main/config.json": ("org/m", "main", None),
    "https://huggingface.co/org/m/resolve/refs%2Fpr%2F3/a/b.bin": ("org/m", "refs/pr/3", None),
    "https://hf.co/gpt2/resolve/v1/model.gguf": ("gpt2", "v1", None),
    "curl 'https://api-inference.huggingface.co/models/org/m' -d": ("org/m", None, None),
    "see https://api-inference.huggingface.co/models/org/m.": ("org/m", None, None),
    "[m](https://api-inference.huggingface.co/models/org/m)": ("org/m", None, None),
    "`https://api-inference.huggingface.co/models/org/m`": ("org/m", None, None),
    "https://api-inference.huggingface.co/models/org/m?wait=true": ("org/m", None, None),
}


@pytest.mark.parametrize("text", SAID)
def test_an_address_says_its_model(text: str) -> None:
    """With its ref and its task, whatever stands around it."""
    (address,) = addresses_in(text)

    assert address.found is not None
    assert (address.found.model, address.found.ref, address.task) == SAID[text]


OPEN = [
    "https://api-inference.huggingface.co/models/",
    "https://api-inference.huggingface.co/models",
    "https://api-inference.huggingface.co/models/${MODEL}",
    "https://api-inference.huggingface.co/models/{org}/bert",
    "https://api-inference.huggingface.co/models/<your-model>",
    f"https://api-inference.huggingface.co/models/{HOLE}/bert",
    "https://api-inference.huggingface.co/models/...",
    "https://router.huggingface.co/hf-inference/models/%s",
    "https://router.huggingface.co/hf-inference",
    "https://router.huggingface.co/v1/chat/completions",
    "https://router.huggingface.co/together/v1/chat/completions",
    "https://x1.us-east-1.aws.endpoints.huggingface.cloud",
    "https://x1.us-east-1.aws.endpoints.huggingface.cloud/v1/",
    f"https://huggingface.co/{HOLE}/resolve/main/config.json",
    f"https://huggingface.co/org/m/resolve/{HOLE}/config.json",
]


@pytest.mark.parametrize("text", OPEN, ids=[text.replace(HOLE, "HOLE") for text in OPEN])
def test_an_address_that_says_no_model_says_why(text: str) -> None:
    """No half of a name is taken for one."""
    (address,) = addresses_in(text)

    assert address.found is None
    assert address.why


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/org/m",
        "https://huggingface.co/datasets/org/d/resolve/main/a.csv",
        "https://huggingface.co/org/m/resolve/main/banner.PNG",
        "https://huggingface.co/docs/inference-providers",
        "https://api-inference.huggingface.co/",
        "https://api-inference.huggingface.co.evil.example/models/org/m",
        "https://example.com/models/org/m",
        "https://..endpoints.huggingface.cloud",
        "https://sk-abcdefgh12345678.aws.endpoints.huggingface.cloud",
        "api-inference.huggingface.co/models/org/m",
        "",
    ],
)
def test_a_mention_is_no_use(text: str) -> None:
    """Pages, pictures, data sets, other hosts."""
    assert list(addresses_in(text)) == []


def test_the_model_in_the_body_of_a_request_is_found() -> None:
    """Behind the address if it stands there, else before it."""
    url = "https://router.huggingface.co/v1/chat/completions"
    after = f'curl {url} -d \'{{"model": "org/m:groq"}}\' && curl {url} -d \'{{"model": "org/n"}}\''

    assert _beside(after, after.index(url)) == "org/m:groq"
    assert _beside(f"const model = 'org/m';\nfetch('{url}')", 30) == "org/m"
    assert _beside(f'-d "{{\\"model\\": \\"org/m\\"}}" {url}', 30) == "org/m"
    assert _beside(f"fetch('{url}', {{model}})", 7) is None
    assert _beside(f"{url}{' ' * 30_000}model: 'org/m'", 0) is None
    assert _beside(f"model: 'org/m'{' ' * 30_000}{url}", 30_014) is None


def _beside(text: str, start: int) -> str | None:
    return named_beside(models_named(text), start)
