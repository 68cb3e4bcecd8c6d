"""Text tasks: what a transformers pipeline answers for one input of each task about text.

Source: the pipelines' documentation in transformers and the task specifications of huggingface.js.
"""

from collections.abc import Callable, Mapping

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import (
    Text,
    cut_at,
    likeness,
    mood_of,
    sigmoid,
    softmax,
    text_from,
    tokens_of,
    vector_of,
)
from resilient_infer.testing.sandbox.checked import Invalid, Parameters, at_least, best_first, one_of, texts
from resilient_infer.testing.sandbox.dialect import number
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.reading import (
    Name,
    fillings,
    french,
    gist,
    joined,
    mask_of,
    names_in,
    similarities,
    spans_for,
)

_DEFAULT_TOKENS = 20
"""`max_new_tokens` of a text-generation pipeline that is not told any (transformers, GenerationConfig)."""

_STRATEGIES = ("none", "simple", "first", "average", "max")
_MASKS = 8
"""Masked places in one text at the most."""


def _classified(model: Model, text: str, parameters: Parameters, _draw: int) -> Json:
    logits = mood_of(model, text)
    match one_of(
        ("softmax", "sigmoid", "none"), "function_to_apply", parameters.get("function_to_apply", "softmax")
    ):
        case "softmax":
            scores = softmax(logits)
        case "sigmoid":
            scores = sigmoid(logits)
        case _:
            scores = logits
    top_k = parameters.get("top_k")
    if top_k is None:
        return best_first(model.labels, scores)
    return best_first(model.labels, scores)[: at_least(1, "top_k", top_k)]


def _zero_shot(model: Model, text: str, parameters: Parameters, _draw: int) -> Json:
    labels = parameters.get("candidate_labels")
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",")]
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise Invalid("field required: `candidate_labels` in `parameters`", parameter=True)
    template = parameters.get("hypothesis_template", "This example is {}.")
    if not isinstance(template, str) or "{}" not in template:
        raise Invalid("no place for a label: `hypothesis_template` in `parameters`", parameter=True)
    names = tuple(str(label) for label in labels)
    logits = likeness(model, text, names)
    scores = sigmoid(logits) if parameters.get("multi_label") is True else softmax(logits)
    return best_first(names, scores)


def continuation(model: Model, text: str, parameters: Parameters, draw: int) -> Text:
    """What text generation adds to a text; `finished`: it came to its own end, not to a limit or a stop.

    Raises:
        Invalid: A parameter is out of range, or the text too long.
    """
    limit = at_least(1, "max_new_tokens", parameters.get("max_new_tokens", _DEFAULT_TOKENS))
    if model.context is not None and len(tokens_of(text)) + limit > model.context:
        raise Invalid(
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
            f"{model.context}. Given: {len(tokens_of(text))} `inputs` tokens and {limit} `max_new_tokens`",
            parameter=True,
        )
    temperature = parameters.get("temperature", 0.0)
    if not isinstance(temperature, (int, float)) or not number(temperature) or temperature < 0:
        raise Invalid("`temperature` must be a number of at least 0", parameter=True)
    made = text_from(model, text, limit=limit, temperature=temperature, draw=draw)
    stops = parameters.get("stop", parameters.get("stop_sequences", []))
    kept = cut_at(made.text, stops if isinstance(stops, list) else [stops])
    return Text(text=kept, tokens=len(tokens_of(kept)), finished=made.finished and kept == made.text)


def _generated(model: Model, text: str, parameters: Parameters, draw: int) -> Json:
    made = continuation(model, text, parameters, draw).text
    return [{"generated_text": made if parameters.get("return_full_text") is False else text + made}]


def _embedded(model: Model, text: str, _parameters: Parameters, _draw: int) -> Json:
    return list(vector_of(model, text))


def _named(model: Model, text: str, parameters: Parameters, _draw: int) -> Json:
    strategy = one_of(_STRATEGIES, "aggregation_strategy", parameters.get("aggregation_strategy", "none"))
    ignored = parameters.get("ignore_labels", [])
    unwanted = texts("ignore_labels", ignored) if ignored else []
    names = [name for name in names_in(model, text) if name.group not in unwanted]
    if strategy == "none":
        return [_tagged(text, name, number) for number, name in enumerate(names)]
    return [{"entity_group": name.group, **_place(name)} for name in joined(names, text)]


def _tagged(text: str, name: Name, index: int) -> Json:
    return {"entity": f"I-{name.group}", "index": len(text[: name.start].split()) + 1, **_place(name)}


def _place(name: Name) -> dict[str, Json]:
    return {"score": name.score, "word": name.word, "start": name.start, "end": name.end}


def _filled(model: Model, text: str, parameters: Parameters, _draw: int) -> Json:
    mask = mask_of(model)
    places = text.count(mask)
    if not 1 <= places <= _MASKS:
        raise Invalid(f"No mask_token ({mask}) found on the input" if not places else "too many masks")
    given = parameters.get("targets")
    wanted = texts("targets", given) if given is not None else []
    top_k = at_least(1, "top_k", parameters.get("top_k", 5))
    found = [_filled_at(model, text, mask, number, wanted)[:top_k] for number in range(places)]
    # With several masks transformers answers a list for each of them.
    return found[0] if places == 1 else list[Json](found)


def _filled_at(model: Model, text: str, mask: str, number: int, wanted: list[str]) -> list[Json]:
    parts = text.split(mask)
    before, after = mask.join(parts[: number + 1]), mask.join(parts[number + 1 :])
    return [
        {
            "score": filling.score,
            "token": filling.token,
            "token_str": filling.word,
            "sequence": f"{before}{filling.word}{after}",
        }
        for filling in fillings(model, before, wanted)
    ]


def _summed_up(model: Model, text: str, parameters: Parameters, _draw: int) -> Json:
    least, most = _lengths(parameters)
    return {"summary_text": gist(model, text, least=least, most=most)}


def _lengths(parameters: Parameters) -> tuple[int, int]:
    """Least and most words; they may stand in `generate_parameters`, as the task's specification has it."""
    inner = parameters.get("generate_parameters")
    given = {**inner, **parameters} if isinstance(inner, dict) else parameters
    most = at_least(1, "max_length", given.get("max_new_tokens", given.get("max_length", 60)))
    return min(at_least(0, "min_length", given.get("min_length", 1)), most), most


def _translated(model: Model, text: str, _parameters: Parameters, _draw: int) -> Json:
    return {"translation_text": french(model, text)}


def _answered(model: Model, asked: Mapping[str, Json], parameters: Parameters, _draw: int) -> Json:
    question, context = asked.get("question"), asked.get("context")
    for name, value in (("question", question), ("context", context)):
        if not isinstance(value, str) or not value.strip():
            raise Invalid(f"`{name}` cannot be empty")
    top_k = at_least(1, "top_k", parameters.get("top_k", 1))
    spans = spans_for(model, str(question), str(context))[:top_k]
    found: list[Json] = [
        {"score": span.score, "start": span.start, "end": span.end, "answer": span.text} for span in spans
    ]
    none: Json = {"score": 0.0, "start": 0, "end": 0, "answer": ""}
    return found if top_k > 1 else (found[0] if found else none)


def _compared(model: Model, asked: Mapping[str, Json], _parameters: Parameters, _draw: int) -> Json:
    source, sentences = asked.get("source_sentence"), asked.get("sentences")
    if not isinstance(source, str) or not isinstance(sentences, list) or not sentences:
        raise Invalid("`inputs` takes a `source_sentence` and a list of `sentences`")
    if not all(isinstance(sentence, str) for sentence in sentences):
        raise Invalid("`sentences` must be texts")
    return list(similarities(model, source, [str(sentence) for sentence in sentences]))


TEXTS: Mapping[str, Callable[[Model, str, Parameters, int], Json]] = {
    "text-classification": _classified,
    "zero-shot-classification": _zero_shot,
    "token-classification": _named,
    "fill-mask": _filled,
    "feature-extraction": _embedded,
    "summarization": _summed_up,
    "translation": _translated,
    "text-generation": _generated,
}
"""Tasks whose input is a text."""

GROUPS: Mapping[str, Callable[[Model, Mapping[str, Json], Parameters, int], Json]] = {
    "question-answering": _answered,
    "sentence-similarity": _compared,
}
"""Tasks whose input is a mapping of texts."""
