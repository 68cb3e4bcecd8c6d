"""Clients: what they are called for, and what they ask."""

import pytest

from .seeing import Seen, models_of, reading_of

HUB = "from huggingface_hub import InferenceClient\n"
OPENAI = "import os\nfrom openai import OpenAI\n"
ROUTER = "https://router.huggingface.co/v1"

PROGRAMS: dict[str, tuple[str, list[Seen]]] = {
    "a client with a model": (f"{HUB}InferenceClient('org/m')", [("org/m", None, None, "hf-inference")]),
    "called for a task": (
        f"{HUB}c = InferenceClient(model='org/m')\nc.text_classification('x')",
        [("org/m", None, "text-classification", "hf-inference")],
    ),
    "called for two tasks": (
        f"{HUB}c = InferenceClient('org/m')\nc.feature_extraction('x')\nc.sentence_similarity('x', [])",
        [
            ("org/m", None, "feature-extraction", "hf-inference"),
            ("org/m", None, "sentence-similarity", "hf-inference"),
        ],
    ),
    "the model with the call": (
        f"{HUB}c = InferenceClient()\nc.summarization('x', model='org/a')\nc.fill_mask('x', model='org/b')",
        [("org/a", None, "summarization", "hf-inference"), ("org/b", None, "fill-mask", "hf-inference")],
    ),
    "at once": (
        f"{HUB}InferenceClient('org/m').translation('x')",
        [("org/m", None, "translation", "hf-inference")],
    ),
    "within with": (
        f"{HUB}with InferenceClient('org/m') as c:\n    c.translation('x')",
        [("org/m", None, "translation", "hf-inference")],
    ),
    "from a client that a function is given": (
        f"{HUB}client = InferenceClient('org/m')\ndef f(c):\n    c.translation('x')",
        [("org/m", None, "translation", "hf-inference")],
    ),
    "for a task that is none of ours": (
        f"{HUB}InferenceClient('org/m').text_to_image('x')",
        [("org/m", None, None, "hf-inference")],
    ),
    "chat with somebody named": (
        f"{HUB}c = InferenceClient(provider='together')\nc.chat.completions.create(model='org/m')",
        [("org/m", None, "chat", "hf-router", "org/m:together")],
    ),
    "chat, as chat_completion": (
        f"{HUB}c = InferenceClient('org/m', provider='groq')\nc.chat_completion([])",
        [("org/m", None, "chat", "hf-router", "org/m:groq")],
    ),
    "chat with whom the router likes": (
        f"{HUB}c = InferenceClient('org/m')\nc.chat_completion([])",
        [("org/m",)],
    ),
    "at an address of the old service": (
        f"{HUB}c = InferenceClient('https://api-inference.huggingface.co/models/org/m')\nc.fill_mask('x')",
        [("org/m", None, "fill-mask", "hf-inference")],
    ),
    "an endpoint": (
        f"{HUB}c = InferenceClient('https://x1.aws.endpoints.huggingface.cloud')\nc.fill_mask('x')",
        [(None, None, "fill-mask", "hf-endpoint")],
    ),
    "a server of one's own": (
        f"{HUB}c = InferenceClient('http://localhost:8080')\nc.text_generation('x')",
        [(None, None, "text-generation", "tgi")],
    ),
    "a server that a variable names": (
        f"{HUB}import os\nc = InferenceClient(base_url=os.environ['EMBED_URL'])\nc.feature_extraction('x')",
        [(None, None, "feature-extraction", "tei")],
    ),
    "the oldest client": (
        "from huggingface_hub.inference_api import InferenceApi\nInferenceApi('org/m', 'fill-mask')",
        [("org/m", None, "fill-mask", "hf-inference")],
    ),
    "LangChain's": (
        "from langchain_huggingface import HuggingFaceEndpoint\nHuggingFaceEndpoint(repo_id='org/m')",
        [("org/m", None, "text-generation", "hf-inference")],
    ),
    "OpenAI itself": (
        f"{OPENAI}OpenAI().chat.completions.create(model='gpt-4.1-mini-2025-04-14', messages=[])",
        [(None, None, "chat", "openai", "gpt-4.1-mini-2025-04-14")],
    ),
    "OpenAI without an object": (
        "import openai\nopenai.chat.completions.create(model='gpt-4o', messages=[])",
        [(None, None, "chat", "openai", "gpt-4o")],
    ),
    "OpenAI before 1.0": (
        "import openai\nopenai.ChatCompletion.create(model='gpt-4', messages=[])",
        [(None, None, "chat", "openai", "gpt-4")],
    ),
    "embeddings": (
        f"{OPENAI}client = OpenAI()\nclient.embeddings.create(model='text-embedding-3-small', input='x')",
        [(None, None, "feature-extraction", "openai", "text-embedding-3-small")],
    ),
    "another service": (
        (
            f"{OPENAI}client = OpenAI(base_url='https://api.groq.com/openai/v1')\n"
            "def f():\n    return client.chat.completions.create(model='llama-3.1-8b-instant', messages=[])"
        ),
        [(None, None, "chat", "openai", "llama-3.1-8b-instant")],
    ),
    "the router": (
        f"{OPENAI}OpenAI(base_url='{ROUTER}').chat.completions.create(model='org/m:together')",
        [("org/m", None, "chat", "hf-router", "org/m:together")],
    ),
    "the router, whoever is the cheapest": (
        f"{OPENAI}OpenAI(base_url='{ROUTER}').chat.completions.create(model='org/m:cheapest')",
        [("org/m",)],
    ),
    "a server on this machine": (
        f"{OPENAI}c = OpenAI(base_url='http://localhost:8000/v1')\nc.completions.create(model='org/m')",
        [("org/m", None, "text-generation", "openai")],
    ),
    "an endpoint that chats": (
        (
            f"{OPENAI}c = OpenAI(base_url='https://x1.aws.endpoints.huggingface.cloud/v1/')\n"
            "c.chat.completions.create(model='tgi', messages=[])"
        ),
        [(None, None, "chat", "openai", "tgi")],
    ),
    "LangChain's for OpenAI": (
        "from langchain_openai import ChatOpenAI\nChatOpenAI(model='gpt-4o')",
        [(None, None, "chat", "openai", "gpt-4o")],
    ),
    "a class that is only called the same": (
        "class InferenceClient:\n    pass\nInferenceClient('org/m').translation('x')",
        [],
    ),
    "other objects with such methods": ("book.translation('x')\nshop.completions.create(1)", []),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_a_client_asks_for_is_seen(name: str) -> None:
    """The model, the task and the server."""
    program, expected = PROGRAMS[name]

    assert models_of(program) == expected


OPEN = {
    f"{HUB}InferenceClient().fill_mask('x')": "no model is named, so the service chooses one",
    f"{HUB}InferenceClient(model).fill_mask('x')": "model is no constant of this file",
    f"{HUB}InferenceClient('https://x1.aws.endpoints.huggingface.cloud')": "nor the code for what",
    f"{HUB}InferenceClient('https://user:word@host/x').fill_mask('x')": "cannot be used as a server's",
    f"{HUB}InferenceClient('{ROUTER}').fill_mask('x')": "the router is asked",
    f"{HUB}InferenceClient('org/m').chat_completion([])": 'name one in a route, as "org/m:together"',
    f"{OPENAI}OpenAI(base_url=url).chat.completions.create(model='m')": "which server is asked",
    f"{OPENAI}OpenAI(base_url='https://a.b' if x else 'https://c.d').completions.create(model='m')": (
        "which server is asked"
    ),
    f"{OPENAI}OpenAI().chat.completions.create(model=pick())": "the model's name is computed",
    f"{OPENAI}OpenAI().chat.completions.create(model='hf_abcdefgh12345678')": "is no name of one",
    "from ours import client\nclient.chat.completions.create(model='m')": "which server is asked",
}


@pytest.mark.parametrize("program", OPEN)
def test_what_a_client_does_not_say_is_told(program: str) -> None:
    """One line, with the reason."""
    reading = reading_of(program)

    assert [each.spot.line for each in reading.not_told] == [len(program.splitlines())]
    assert OPEN[program] in reading.not_told[0].why


KEYS = {
    "token=os.environ['MY_TOKEN']": "MY_TOKEN",
    "api_key=os.getenv('MY_TOKEN')": "MY_TOKEN",
    "token=os.environ.get('MY_TOKEN', '')": "MY_TOKEN",
    "token=TOKEN": "OF_MODULE",
    "token=userdata.get('MY_TOKEN')": "MY_TOKEN",
    "token=st.secrets['MY_TOKEN']": "MY_TOKEN",
    "token=os.getenv('A') or os.getenv('B')": "A",
    "token=os.environ['my_token']": None,
    "token='EMPTY'": None,
    "token=True": None,
}


@pytest.mark.parametrize("argument", KEYS)
def test_the_variable_of_the_key_is_seen(argument: str) -> None:
    """Through constants; only names that a manifest takes."""
    program = f"{HUB}TOKEN = os.environ['OF_MODULE']\nInferenceClient('org/m', {argument})"

    assert [name for name, _ in reading_of(program).keys] == [name for name in [KEYS[argument]] if name]


def test_keys_of_loads_and_logins_count_and_those_of_other_calls_do_not() -> None:
    """A token is given to many things."""
    program = (
        "import os\nfrom huggingface_hub import login\n"
        "AutoModel.from_pretrained('org/m', token=os.environ['OF_LOAD'])\n"
        "login(os.environ['OF_LOGIN'])\n"
        "telegram.Bot(token=os.environ['OF_BOT'])\n"
        "site.login(token=os.environ['OF_SITE'])\n"
    )

    assert [name for name, _ in reading_of(program).keys] == ["OF_LOAD", "OF_LOGIN"]
