"""Python: whole programs, as tutorials and people write them."""

import ast
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.code.parse import UnreadableCode, parse
from resilient_infer.lock.code.python import may_use, read_python
from resilient_infer.lock.code.sighting import Sighting, Spot

from .seeing import REF, models_of, reading_of

TUTORIAL = """\
import os
import requests

API_URL = "https://api-inference.huggingface.co/models/distilbert/distilbert-base-uncased-finetuned-sst-2-english"
headers = {"Authorization": f"Bearer {os.environ['HF_API_TOKEN']}"}


def query(payload):
    response = requests.post(API_URL, headers=headers, json=payload)
    return response.json()


output = query({"inputs": "I like you. I love you"})
"""

ROUTER = """\
import os
import requests

API_URL = "https://router.huggingface.co/v1/chat/completions"
headers = {"Authorization": f"Bearer {os.environ['HF_TOKEN']}"}

def query(payload):
    return requests.post(API_URL, headers=headers, json=payload).json()

response = query({
    "messages": [{"role": "user", "content": "What is the capital of France?"}],
    "model": "deepseek-ai/DeepSeek-V3-0324:novita",
})
"""

SERVICE = """\
from huggingface_hub import AsyncInferenceClient, login

TOKEN = os.getenv("HUGGINGFACE_API_KEY")
login(token=TOKEN)

class Service:
    model = "facebook/bart-large-mnli"

    def __init__(self):
        self.client = AsyncInferenceClient(model=self.model, token=TOKEN)

    async def topics(self, text):
        return await self.client.zero_shot_classification(text, ["a", "b"])
"""


def test_the_tutorial_of_the_old_service() -> None:
    """`requests.post(API_URL, …)`, its key read from a variable of its own."""
    reading = reading_of(TUTORIAL)

    assert models_of(TUTORIAL) == [
        ("distilbert/distilbert-base-uncased-finetuned-sst-2-english", None, None, "hf-inference")
    ]
    assert [(name, spot.line) for name, spot in reading.keys] == [("HF_API_TOKEN", 5)]
    assert reading.not_told == []


def test_the_tutorial_of_the_router() -> None:
    """The model stands in the request."""
    model = "deepseek-ai/DeepSeek-V3-0324"

    assert models_of(ROUTER) == [(model, None, "chat", "hf-router", f"{model}:novita")]
    assert [name for name, _ in reading_of(ROUTER).keys] == ["HF_TOKEN"]


def test_a_client_that_a_class_keeps() -> None:
    """What its methods ask for is the task."""
    reading = reading_of(SERVICE)

    assert models_of(SERVICE) == [
        ("facebook/bart-large-mnli", None, "zero-shot-classification", "hf-inference")
    ]
    assert {name for name, _ in reading.keys} == {"HUGGINGFACE_API_KEY"}


ADDRESSES = {
    "a name behind it": "BASE = 'https://api-inference.huggingface.co/models/'\npost(BASE + 'org/m')",
    "an f-string": "M = 'org/m'\nURL = f'https://api-inference.huggingface.co/models/{M}'",
    "format": "post('https://router.huggingface.co/hf-inference/models/{}'.format('org/m'))",
    "percent": "M = 'org/m'\npost('https://api-inference.huggingface.co/models/%s' % M)",
    "from a base": "BASE = 'https://router.huggingface.co'\npost(f'{BASE}/hf-inference/models/org/m')",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_in_pieces_is_one(name: str) -> None:
    """The base alone is not told as an address that says no model."""
    reading = reading_of(ADDRESSES[name])

    assert [(each.model, each.how) for each in reading.sightings] == [("org/m", "a URL")]
    assert reading.not_told == []


@pytest.mark.parametrize(
    "program",
    [
        "post(f'https://api-inference.huggingface.co/models/{name}')",
        "post('https://api-inference.huggingface.co/models/' + name)",
        "post(f'https://api-inference.huggingface.co/models/{org}/bert')",
        "URL = 'https://api-inference.huggingface.co/models/'",
    ],
)
def test_an_address_that_is_computed_is_told(program: str) -> None:
    """Not the half of it that is written."""
    reading = reading_of(program)

    assert reading.sightings == []
    assert [each.why for each in reading.not_told] == ["the model in the address is computed or left open"]


def test_documentation_is_no_use() -> None:
    """Texts that stand for nothing: of a module, a class, a function."""
    text = '"""See https://api-inference.huggingface.co/models/org/m."""'

    assert reading_of(f"{text}\nclass A:\n    {text}\n    def f(self):\n        {text}\n").sightings == []


def test_a_token_is_told_by_its_line() -> None:
    """In texts, in pieces of texts, in comments; never the token itself."""
    reading = reading_of(
        "TOKEN = 'hf_abcdEFGH12345678'\n"
        "x = ('hf_abcd'\n     'EFGH12345678')\n"
        "client = InferenceClient('org/m', token='sk-abcdefgh12345678')\n"
        "# token: hf_abcdEFGH12345678\n"
        "hf_abcdEFGH12345678 = hf_tokenizer = 'hf_tokenizer'\n"
        "f'Bearer hf_abcdEFGH12345678'\n"
    )

    assert [spot.line for spot in reading.tokens] == [1, 2, 4, 5, 7]
    assert "EFGH" not in repr(reading)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"def f(:\n", "it is no Python in line 1"),
        (b"print 'hello'", "it is no Python in line 1"),
        (b"a = '\xff'", "it is no Python"),
        (b"# coding: klingon\n", "it is no Python"),
        (b"a = 1\0", "null bytes"),
        (b"(" * 5_000 + b")" * 5_000, "too many nested parentheses"),
        (b"-" * 200_000 + b"1", "nested too deeply"),
        (b"9" * 10_000, "it is no Python"),
    ],
    ids=["syntax", "python 2", "encoding", "unknown encoding", "nul", "brackets", "signs", "digits"],
)
def test_what_python_cannot_read_is_no_crash(source: bytes, why: str) -> None:
    """A reason, in whatever way this Python's parser fails."""
    with pytest.raises(UnreadableCode, match=why):
        parse(source)


@pytest.mark.parametrize("size", [90, 2_000, 30_000])
@pytest.mark.parametrize("piece", [".a", "+a", "()", "[0]", " if a else a", " and a", "\na"])
def test_however_long_a_program_goes_on_it_is_read_or_told(piece: str, size: int) -> None:
    """Python's parser refuses some of them at some length; what it takes is read to the end."""
    program = f"a{piece * size}" if piece == "\na" else f"AutoModel.from_pretrained(a{piece * size})"
    tree, why = _parsed(program)

    if tree is None:
        assert size > 90
        assert "nested too deeply" in why or "too many" in why
    else:
        reading = read_python(tree, "", lambda line: Spot(file="app.py", line=line))
        assert len(reading.not_told) == (piece != "\na")


def _parsed(program: str) -> tuple[ast.Module | None, str]:
    try:
        return parse(program), ""
    except UnreadableCode as error:
        return None, str(error)


def test_other_encodings_are_read() -> None:
    """As Python itself reads them."""
    source = "# -*- coding: latin-1 -*-\nx = 'é'\nAutoModel.from_pretrained('org/m')".encode("latin-1")

    assert isinstance(parse(source), ast.Module)


def test_what_is_nested_deeper_than_the_stack_is_read() -> None:
    """As deep as the parser goes, the reader goes."""
    deep = "x = " + "[" * 150 + "AutoModel.from_pretrained('org/m')" + "]" * 150
    chain = "a" + ".b()" * 300 + ".from_pretrained('org/m')"
    many = "if a: pass\n" + "elif b: pass\n" * 300 + "else: AutoModel.from_pretrained('org/m')"

    assert [models_of(program) for program in (deep, chain, many)] == [[("org/m",)]] * 3


@pytest.mark.parametrize(
    "source",
    ["x = pipeline('a')", "OpenAI()", "TOKEN = 'sk-abcdefgh12345678'", "'https://hf.co/a/b/resolve/main/c'"],
)
def test_a_program_that_may_use_a_model_is_looked_at(source: str) -> None:
    """Only those without any of the words are passed over."""
    assert may_use(source)
    assert not may_use("import os\nprint(os.environ['HOME'])\n")


# Programs that are made of known calls.

NAMES = st.sampled_from(["bert", "gpt2", "org/m", "a-b/c.d", "x_y/z-1", "distilbert/distilbert-base", "o/n"])
REFS = st.sampled_from([None, "main", "v1.0", "refs/pr/2", REF])
WAYS = st.sampled_from(["literal", "constant", "local", "format", "keyword", "loop"])


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, list[tuple[str, str | None]]]:
    """A program, and what it loads in the order of its lines."""
    lines, loads = ["from transformers import AutoModel as Loader", "import other", ""], []
    for number in range(draw(st.integers(0, 6))):
        name, ref, way = draw(NAMES), draw(REFS), draw(WAYS)
        loads.append((name, ref))
        more = "" if ref is None else f", revision={ref!r}"
        match way:
            case "literal":
                block = [f"Loader.from_pretrained({name!r}{more})"]
            case "constant":
                block = [f"NAME = {name!r}", f"m{number} = Loader.from_pretrained(NAME{more})"]
            case "local":
                block = [
                    f"def f{number}():",
                    f"    a = b = {name!r}",
                    f"    return Loader.from_pretrained(b{more})",
                ]
            case "format":
                half = len(name) // 2
                block = [
                    f"P{number} = {name[:half]!r}",
                    f"Loader.from_pretrained(f'{{P{number}}}{name[half:]}'{more})",
                ]
            case "keyword":
                block = [
                    f"x = [Loader.from_pretrained(pretrained_model_name_or_path={name!r}{more}) for _ in y]"
                ]
            case _:
                block = [
                    f"for each{number} in ({name!r},):",
                    f"    Loader.from_pretrained(each{number}{more})",
                ]
        lines += [*draw(NOISE), *block]
    return "\n".join(lines) + "\n", loads


NOISE = st.lists(
    st.sampled_from(
        [
            "",
            "# from_pretrained('org/no')",
            "print('from_pretrained')",
            "other.pipeline('a/b', model='org/no')",
            "try:\n    pass\nexcept ValueError:\n    raise",
            "@other.wrap\nclass K:\n    x: int = 3",
            "lambda q: q.get('org/no')",
            "'''AutoModel.from_pretrained('org/no')'''",
        ]
    ),
    max_size=3,
)


@given(programs())
def test_a_program_of_known_calls_gives_exactly_these(made: tuple[str, list[tuple[str, str | None]]]) -> None:
    """Each call once, at its line, with its ref; whatever stands between them."""
    program, loads = made
    reading = reading_of(program)
    found = sorted(reading.sightings, key=lambda each: each.spot)

    assert [(each.model, each.ref) for each in found] == loads
    assert all(before.spot < after.spot for before, after in pairwise(found))
    assert all("from_pretrained" in _line(program, each) for each in found)
    assert reading.not_told == []


def _line(program: str, each: Sighting) -> str:
    return program.splitlines()[each.spot.line - 1]
