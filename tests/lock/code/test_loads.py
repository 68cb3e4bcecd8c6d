"""Loads: calls that load a model, as people write them."""

import pytest

from .seeing import REF, Seen, models_of, reading_of

FEATURES, CLASSES = "feature-extraction", "text-classification"

PROGRAMS: dict[str, tuple[str, list[Seen]]] = {
    "a class of transformers": (
        "from transformers import AutoModel\nAutoModel.from_pretrained('org/m')",
        [("org/m",)],
    ),
    "by keyword": (
        (
            "import transformers\n"
            "transformers.AutoTokenizer.from_pretrained(pretrained_model_name_or_path='org/m')"
        ),
        [("org/m",)],
    ),
    "a commit": (
        f"AutoModel.from_pretrained('org/m', revision='{REF}')",
        [("org/m", REF)],
    ),
    "a branch with a slash": (
        "AutoModel.from_pretrained('org/m', revision='refs/pr/3')",
        [("org/m", "refs/pr/3")],
    ),
    "no revision, said": ("AutoModel.from_pretrained('org/m', revision=None)", [("org/m",)]),
    "an old name without an owner": (
        "BertModel.from_pretrained('bert-base-uncased')",
        [("bert-base-uncased",)],
    ),
    "whatever the class": (
        "from diffusers import DiffusionPipeline\nDiffusionPipeline.from_pretrained('org/m', variant='fp16')",
        [("org/m",)],
    ),
    "an adapter on a model": (
        "import peft\npeft.PeftModel.from_pretrained(AutoModel.from_pretrained('org/base'), 'org/lora')",
        [("org/lora",), ("org/base",)],
    ),
    "llama.cpp": (
        "from llama_cpp import Llama\nLlama.from_pretrained(repo_id='org/gguf', filename='*q8_0.gguf')",
        [("org/gguf",)],
    ),
    "a pipeline": (
        "from transformers import pipeline\npipeline('text-classification', model='org/m')",
        [("org/m", None, CLASSES)],
    ),
    "a pipeline by places, under another name, at a tag": (
        "from transformers import pipeline as pp\npp('sentiment-analysis', 'org/m', revision='v1')",
        [("org/m", "v1", CLASSES)],
    ),
    "a pipeline by keywords, from the package": (
        "import transformers as tf\ntf.pipeline(task='ner', model='org/m')",
        [("org/m", None, "token-classification")],
    ),
    "a pipeline of a task that is none of ours": (
        "from transformers import pipeline\npipeline('depth-estimation', model='org/m')",
        [("org/m",)],
    ),
    "a pipeline that translates": (
        "from transformers import pipeline\npipeline('translation_en_to_fr', model='org/m')",
        [("org/m", None, "translation")],
    ),
    "a pipeline without a task": (
        "from transformers import pipeline\npipeline(model='org/m')",
        [("org/m",)],
    ),
    "a pipeline in a snippet without imports": (
        "pipeline('fill-mask', model='org/m')",
        [("org/m", None, "fill-mask")],
    ),
    "a pipeline among all names": (
        "from transformers import *\npipeline('fill-mask', model='org/m')",
        [("org/m", None, "fill-mask")],
    ),
    "a pipeline of optimum": (
        "from optimum.pipelines import pipeline\npipeline('fill-mask', model='org/m', accelerator='ort')",
        [("org/m", None, "fill-mask")],
    ),
    "a pipeline of a model that was loaded before": (
        (
            "from transformers import AutoModelForMaskedLM, pipeline\n"
            "model = AutoModelForMaskedLM.from_pretrained('org/m', revision='v1')\n"
            "pipeline('fill-mask', model=model, tokenizer=tokenizer)"
        ),
        [("org/m", "v1"), ("org/m", "v1", "fill-mask")],
    ),
    "sentence-transformers": (
        "from sentence_transformers import SentenceTransformer\nSentenceTransformer('all-MiniLM-L6-v2')",
        [("sentence-transformers/all-MiniLM-L6-v2", None, FEATURES)],
    ),
    "sentence-transformers with an owner": (
        "import sentence_transformers\nsentence_transformers.SentenceTransformer('org/m', revision='v1')",
        [("org/m", "v1", FEATURES)],
    ),
    "sentence-transformers with one of the old names": (
        "from sentence_transformers import SentenceTransformer\nSentenceTransformer('bert-base-uncased')",
        [("bert-base-uncased", None, FEATURES)],
    ),
    "a cross-encoder": (
        "from sentence_transformers import CrossEncoder\nCrossEncoder('cross-encoder/m')",
        [("cross-encoder/m",)],
    ),
    "a download": (
        "from huggingface_hub import hf_hub_download\nhf_hub_download('org/m', 'config.json', revision='v1')",
        [("org/m", "v1")],
    ),
    "a download by keyword": (
        "import huggingface_hub as hub\nhub.snapshot_download(repo_id='org/m', repo_type='model')",
        [("org/m",)],
    ),
    "a download by the API": (
        "from huggingface_hub import HfApi\nHfApi().hf_hub_download(repo_id='org/m', filename='a')",
        [("org/m",)],
    ),
    "no model but a data set": (
        "from huggingface_hub import hf_hub_download\nhf_hub_download('org/d', 'a', repo_type='dataset')",
        [],
    ),
    "vLLM": (
        "from vllm import LLM, SamplingParams\nLLM(model='org/m', revision='v1')",
        [("org/m", "v1", "text-generation")],
    ),
    "LangChain": (
        (
            "from langchain_huggingface import HuggingFaceEmbeddings, HuggingFacePipeline\n"
            "HuggingFaceEmbeddings(model_name='all-mpnet-base-v2')\n"
            "HuggingFacePipeline.from_model_id(model_id='org/m', task='text-generation')"
        ),
        [("sentence-transformers/all-mpnet-base-v2", None, FEATURES), ("org/m", None, "text-generation")],
    ),
    "under a name of its own": (
        "from transformers import AutoModel\nload = AutoModel.from_pretrained\nload('org/m')",
        [("org/m",)],
    ),
    "prepared for later": (
        (
            "from functools import partial\nfrom transformers import pipeline\n"
            "make = partial(pipeline, 'fill-mask', model='org/m')"
        ),
        [("org/m", None, "fill-mask")],
    ),
    "arguments unpacked from what is written": (
        (
            "from transformers import pipeline\n"
            "ARGUMENTS = {'task': 'fill-mask', 'model': 'org/m'}\npipeline(**ARGUMENTS)"
        ),
        [("org/m", None, "fill-mask")],
    ),
    "a class that is only called the same": (
        "class SentenceTransformer:\n    pass\nSentenceTransformer('all-MiniLM-L6-v2')",
        [],
    ),
    "a function that is only called the same": (
        "from ours import pipeline\npipeline('fill-mask', model='org/m')\n",
        [],
    ),
    "a function of the file itself": (
        "def pipeline(*a, **k): ...\npipeline('fill-mask', model='org/m')\n",
        [],
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_load_is_seen(name: str) -> None:
    """Its model, its ref and its task, and nothing else."""
    program, expected = PROGRAMS[name]

    assert models_of(program) == expected


OPEN = {
    "pipeline('ner')": "no model is named, so the library chooses one",
    "AutoModel.from_pretrained(name)": "name is no constant of this file",
    "AutoModel.from_pretrained(settings.MODEL)": ".MODEL is no constant of this file",
    "AutoModel.from_pretrained(pick())": "the model's name is computed",
    "AutoModel.from_pretrained(*a)": "its arguments are unpacked",
    "AutoModel.from_pretrained(**a)": "its arguments are unpacked",
    "AutoModel.from_pretrained('./out')": "a folder or file of this machine",
    "AutoModel.from_pretrained('/models/m')": "a folder or file of this machine",
    "AutoModel.from_pretrained('a/b/c')": "a folder or file of this machine",
    "AutoModel.from_pretrained('C:\\\\m')": "a folder or file of this machine",
    "AutoModel.from_pretrained('no such name')": "no repo of the Hub can have that name",
    "AutoModel.from_pretrained('org/m@v1')": "no repo of the Hub can have that name",
    "AutoModel.from_pretrained('hf_abcdefgh12345678')": "looks like an access token",
}


@pytest.mark.parametrize("program", OPEN)
def test_what_the_code_does_not_say_is_told(program: str) -> None:
    """Where and why; nothing is made up."""
    reading = reading_of(f"\n{program}\n")

    assert reading.sightings == []
    assert [str(each.spot) for each in reading.not_told] == ["app.py:2"]
    assert OPEN[program] in reading.not_told[0].why


@pytest.mark.parametrize(
    ("revision", "why"),
    [
        ("REF", "org/m is asked for at a revision that is not written there"),
        ("'v1 beta'", "org/m is asked for at a revision that git does not allow"),
        ("'sk-abcdefgh12345678'", "looks like an access token"),
    ],
)
def test_a_revision_that_is_not_known_is_told(revision: str, why: str) -> None:
    """The model is in the draft all the same."""
    reading = reading_of(f"AutoModel.from_pretrained('org/m', revision={revision})")

    assert [(each.model, each.ref) for each in reading.sightings] == [("org/m", None)]
    assert why in reading.not_told[0].why


def test_each_sighting_says_where_and_how() -> None:
    """The line of the call, and the name people know it by."""
    found = reading_of("x = 1\n\nmodel = (\n    transformers.AutoModel.from_pretrained(\n        'org/m'))")

    assert [(str(each.spot), each.how) for each in found.sightings] == [
        ("app.py:4", "AutoModel.from_pretrained")
    ]
