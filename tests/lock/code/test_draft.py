"""Draft: what was seen, as a manifest that the strict reader takes."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.lock.code.draft import draft
from resilient_infer.lock.code.parse import UnreadableCode, parse
from resilient_infer.lock.code.python import read_python
from resilient_infer.lock.code.sighting import Reading, Server, Sighting, Spot
from resilient_infer.lock.code.text import read_text
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.manifest import parse_manifest

from .seeing import REF, reading_of

SPOT = Spot(file="app.py", line=1)


def _lines(source: str) -> list[str]:
    """The draft without its head, and without what says where."""
    text = draft(reading_of(source)).text
    return [line for line in text.splitlines()[2:] if not line.lstrip().startswith("#")]


def _manifest(text: str) -> Manifest:
    return parse_manifest(text.encode(), "models.yaml", None)


def test_a_model_is_one_line() -> None:
    """With the places above it, three of them named."""
    text = draft(reading_of("AutoModel.from_pretrained('org/m', revision='v1')\n" * 5)).text

    assert text.splitlines()[1:] == [
        "version: 1",
        "models:",
        (
            "  # app.py:1 AutoModel.from_pretrained, app.py:2 AutoModel.from_pretrained,"
            " app.py:3 AutoModel.from_pretrained and 2 more"
        ),
        "  m: org/m@v1",
    ]


def test_a_task_is_written_and_belongs_to_all_sightings_without_one() -> None:
    """Two tasks of one model are two aliases."""
    loads = "AutoModel.from_pretrained('org/m')\n"

    assert _lines(f"{loads}pipeline('fill-mask', 'org/m')") == [
        "models:",
        "  m:",
        "    task: fill-mask",
        "    targets:",
        "      - model: org/m",
    ]
    both = _manifest(
        draft(reading_of(f"{loads}pipeline('fill-mask', 'org/m')\npipeline('ner', 'org/m')")).text
    )
    assert {name: alias.task for name, alias in both.aliases.items()} == {
        "m-fill-mask": "fill-mask",
        "m-token-classification": "token-classification",
    }


def test_a_ref_is_an_alias_of_its_own_and_main_is_none() -> None:
    """`revision="main"` asks for what is asked for without it."""
    loads = "".join(
        f"AutoModel.from_pretrained('org/m'{more})\n"
        for more in ("", ", revision='main'", f", revision='{REF}'")
    )

    assert _lines(loads) == ["models:", f"  m-{REF[:12]}: org/m@{REF}", "  m-main: org/m@main"]


def test_models_of_one_name_are_told_apart_by_their_owners() -> None:
    """Both of them, so that neither depends on the other."""
    assert _lines("AutoModel.from_pretrained('a/m')\nAutoModel.from_pretrained('b/M')") == [
        "models:",
        "  a-m: a/m",
        "  b-m: b/M",
    ]


def test_names_that_yaml_would_take_for_something_else_are_quoted() -> None:
    """Aliases, and models."""
    manifest = _manifest(
        draft(reading_of("AutoModel.from_pretrained('org/on')\nAutoModel.from_pretrained('123')")).text
    )

    assert {name: alias.targets[0].model for name, alias in manifest.aliases.items()} == {
        "on": "org/on",
        "123": "123",
    }


HUB = "import os\nfrom huggingface_hub import InferenceClient\n"


def test_the_variable_of_the_key_is_the_providers() -> None:
    """Of Hugging Face's own providers, as far as they are used; HF_TOKEN needs no entry."""
    other = f"{HUB}InferenceClient('org/m', token=os.environ['HF_API_TOKEN']).fill_mask('x')\n"
    usual = f"{HUB}InferenceClient('org/m', token=os.environ['HF_TOKEN']).fill_mask('x')\n"

    assert _lines(other)[:2] == ["providers:", "  hf-inference: {kind: hf-inference, key_env: HF_API_TOKEN}"]
    assert _lines(usual)[0] == "models:"
    chat = f"{HUB}InferenceClient('org/m', provider='groq', token=os.environ['T']).chat_completion([])\n"
    assert _lines(chat)[:2] == ["providers:", "  hf-router: {kind: hf-router, key_env: T}"]


def test_of_two_variables_the_one_that_most_places_read_is_taken() -> None:
    """The places of the other are told."""
    program = HUB + "".join(
        f"InferenceClient('org/m', token=os.environ['{name}'])\n"
        for name in ("A_TOKEN", "B_TOKEN", "B_TOKEN")
    )
    made = draft(reading_of(program))

    assert "key_env: B_TOKEN" in made.text
    assert [(each.spot.line, each.how) for each in made.not_told] == [(3, "A_TOKEN")]


SERVERS = {
    "https://api.groq.com/openai/v1": "groq",
    "https://api.together.xyz/v1": "together",
    "http://localhost:8000/v1": "local",
    "http://127.0.0.1:8000/v1": "local",
    "https://x1.us-east-1.aws.endpoints.huggingface.cloud/v1": "x1",
    "https://llm.acme.example/v1": "acme",
    "https://openai.example/v1": "openai.example",
}


@pytest.mark.parametrize("url", SERVERS)
def test_a_server_is_named_after_its_host(url: str) -> None:
    """As people would call it."""
    program = f"from openai import OpenAI\nOpenAI(base_url='{url}').chat.completions.create(model='m')"
    made = draft(reading_of(program))

    assert list(made.providers.values()) == [(SERVERS[url],)]
    assert _manifest(made.text).providers[SERVERS[url]].url == url


def test_a_server_whose_address_a_variable_holds_is_named_after_it() -> None:
    """Also one that speaks OpenAI's protocol, which is not OpenAI itself."""
    program = (
        "import os\nfrom openai import OpenAI\n"
        "OpenAI(base_url=os.environ['LLM_URL']).completions.create(model='m')\n"
    )

    assert _lines(program)[:2] == ["providers:", "  llm: {kind: openai, url_env: LLM_URL}"]


def test_routes_to_the_same_weights_stand_side_by_side() -> None:
    """What only a chat can use does not get a route that cannot chat."""
    program = (
        f"{HUB}from openai import OpenAI\nInferenceClient('org/m')\n"
        "OpenAI(base_url='http://localhost:8000/v1').chat.completions.create(model='org/m')\n"
        "InferenceClient('org/m', provider='together').chat_completion([])"
    )

    assert _lines(program)[-5:] == [
        "  m:",
        "    task: chat",
        "    targets:",
        "      - model: org/m",
        '        routes: [local, {provider: hf-router, name: "org/m:together"}]',
    ]


def test_a_name_with_a_date_is_a_version_and_no_other_is() -> None:
    """What the provider promises, as far as it can be read."""
    program = "import openai\n" + "".join(
        f"openai.chat.completions.create(model='{name}')\n"
        for name in ("gpt-4o", "gpt-4o-2024-08-06", "x-20241022")
    )

    assert [line.partition("name: ")[2] for line in _lines(program) if "targets" in line] == [
        '"gpt-4o", pin: floating}]',
        '"gpt-4o-2024-08-06", pin: versioned}]',
        '"x-20241022", pin: versioned}]',
    ]


def test_an_endpoint_is_asked_with_the_key_of_the_hub() -> None:
    """As its client does."""
    program = (
        f"{HUB}InferenceClient('https://x1.aws.endpoints.huggingface.cloud').fill_mask('x')\n"
        "InferenceClient('org/m', token=os.environ['T'])"
    )

    assert _lines(program)[2] == (
        '  x1: {kind: hf-endpoint, url: "https://x1.aws.endpoints.huggingface.cloud", key_env: T}'
    )
    assert _manifest(draft(reading_of(program)).text).aliases["x1"].task == "fill-mask"


def test_a_key_that_would_travel_readable_is_left_out_and_told() -> None:
    """The strict reader would refuse it, and rightly."""
    program = (
        "import os\nfrom openai import OpenAI\n"
        "OpenAI(base_url='http://llm.example/v1', api_key=os.environ['K']).completions.create(model='m')"
    )
    made = draft(reading_of(program))

    assert "key_env" not in made.text
    assert "readable over plain http" in made.not_told[0].why
    assert _manifest(made.text).aliases


@pytest.mark.parametrize(
    "order", list(itertools.permutations(range(3))), ids=lambda order: "".join(map(str, order))
)
def test_the_draft_is_the_same_in_whatever_order_files_are_read(order: tuple[int, ...]) -> None:
    """Byte by byte."""
    programs = [
        "AutoModel.from_pretrained('a/m')",
        "AutoModel.from_pretrained('b/m')",
        "pipeline('ner', 'a/m')",
    ]
    whole, reference = Reading(), Reading()
    for number in order:
        whole.add(_in_file(programs[number], f"{number}.py"))
    for number in range(3):
        reference.add(_in_file(programs[number], f"{number}.py"))

    assert draft(whole).text == draft(reference).text


def _in_file(program: str, file: str) -> Reading:
    return read_python(parse(program), program, lambda line: Spot(file=file, line=line))


# Whatever the code holds.

SECRETS = st.sampled_from(["hf_abcdEFGH12345678", "sk-abcdefgh12345678", "gsk_abcdEFGH12345678"])
_WORDS = r"""
org/m on 1e5 null ~ - # { } & &a *a !t | % @ ' " \ --- ... a/b/c org/m@v1 ../x org/--x https:// <<<<<<<
http://a.b/v1 refs/pr/1 é https://api-inference.huggingface.co/models/
"""
CONTROLS = ["a: b", "\u2028", "\ud800", "\ufeff", "\x85", "\x00", "\n", "\t", "x" * 200]
WORDS = SECRETS | st.text(max_size=12) | st.sampled_from([*_WORDS.split(), *CONTROLS])
TEXTS = st.lists(WORDS, max_size=3).map("".join)
CALLS = st.sampled_from(
    [
        "AutoModel.from_pretrained({0}, revision={1}, token=os.environ[{2}])",
        "pipeline({0}, model={1}, revision={2})",
        "InferenceClient({0}, token=os.environ[{1}]).text_classification(model={2})",
        "InferenceClient(base_url={0}, provider={1}).chat_completion(model={2})",
        "OpenAI(base_url={0}, api_key=os.environ[{1}]).chat.completions.create(model={2})",
        "OpenAI(base_url=os.environ[{0}]).embeddings.create(model={1})",
        "SentenceTransformer({0})",
        "requests.post({0} + {1}, headers={{'Authorization': os.environ[{2}]}})",
        "x = {0}; requests.post(f'https://api-inference.huggingface.co/models/{{x}}')",
        "x = {{'model': {0}, 'messages': 'https://router.huggingface.co/v1'}}",
    ]
)
SOURCES = st.lists(
    st.tuples(CALLS, TEXTS, TEXTS, TEXTS).map(lambda each: each[0].format(*map(ascii, each[1:]))), max_size=5
).map("\n".join)


@given(SOURCES, TEXTS)
def test_whatever_the_code_holds_the_draft_can_be_read_and_holds_no_secret(source: str, file: str) -> None:
    """By our own strict reader; also where paths are odd."""
    header = "from openai import OpenAI\n"
    tree = parse(header + source)
    reading = read_python(tree, source, lambda line: Spot(file=file, line=line))
    _holds(reading)


@given(st.lists(TEXTS | st.just("https://router.huggingface.co/v1 model: '"), max_size=6).map("".join), TEXTS)
def test_whatever_a_text_holds_the_draft_can_be_read_and_holds_no_secret(text: str, file: str) -> None:
    """The same for what is no program."""
    _holds(read_text(text, file))


@given(st.text(max_size=60))
def test_any_text_is_a_program_or_is_told_not_to_be_one(source: str) -> None:
    """No other error comes of it."""
    try:
        tree = parse(source)
    except UnreadableCode:
        return
    _holds(read_python(tree, source, lambda line: Spot(file="a.py", line=line)))


SIGHTINGS = st.builds(
    Sighting,
    spot=st.just(SPOT),
    how=TEXTS,
    model=st.sampled_from(["org/m", "other/m", "gpt2"]),
    ref=st.sampled_from([None, "main", "v1", REF]),
    task=st.sampled_from([None, "chat", "fill-mask", "text-ranking"]),
    server=st.sampled_from(
        [
            None,
            Server(kind="hf-inference", key_env="A"),
            Server(kind="openai", url="http://localhost:8000/v1"),
            Server(kind="openai", url="http://localhost:8001/v1", key_env="B"),
            Server(kind="openai", url_env="LLM_URL"),
        ]
    ),
)


@given(st.lists(SIGHTINGS, max_size=12))
def test_every_model_and_ref_that_was_seen_is_in_the_draft(sightings: list[Sighting]) -> None:
    """None is lost, and none is made up."""
    manifest = _manifest(draft(Reading(sightings=sightings)).text)
    drafted = {
        (target.model, target.requested) for alias in manifest.aliases.values() for target in alias.targets
    }

    assert drafted == {(each.model, each.ref or "main") for each in sightings}


def _holds(reading: Reading) -> None:
    made = draft(reading)
    manifest = _manifest(made.text)

    assert set(manifest.aliases) == set(made.aliases)
    assert not looks_like_secret(made.text)
