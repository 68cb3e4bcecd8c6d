"""The manifest: every problem at once with its place, and values as they were meant."""

from decimal import Decimal

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from resilient_infer.core.target import Pin, Price
from resilient_infer.errors import ConfigError
from resilient_infer.lock.emit import scalar as scalar_text
from resilient_infer.lock.manifest import Manifest, parse_manifest
from resilient_infer.lock.policy import BreakerKeys, PolicyKeys
from resilient_infer.lock.read_provider import KINDS
from resilient_infer.lock.reader import Parser
from resilient_infer.providers import registry
from tests.lock.locks import anything
from tests.lock.samples import FULL, LONG, PARSERS, problems_of
from tests.lock.test_reader import mutated, mutations

both = pytest.mark.parametrize("parser", PARSERS)


def parsed(text: str, environment: str | None = None) -> Manifest:
    return parse_manifest(text.encode(), "m.yaml", environment)


def refused(text: str, parser: Parser = "auto") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_manifest(text.encode(), "m.yaml", None, parser=parser)
    return caught.value


def with_alias(body: str) -> str:
    return f"version: 1\nmodels:\n  a: {body}\n"


def with_provider(body: str) -> str:
    return f"version: 1\nproviders:\n  p: {body}\nmodels: {{}}\n"


def with_policy(body: str) -> str:
    return f"version: 1\npolicy: {body}\nmodels: {{}}\n"


def with_labels(body: str) -> str:
    return with_alias("{targets: [{model: x}, {model: z, labels: " + body + "}]}")


def with_router(name: str) -> str:
    return with_alias("{targets: [{model: org/m, routes: [{provider: hf-router, name: '" + name + "'}]}]}")


@both
def test_a_full_manifest_is_read_as_meant(parser: Parser) -> None:
    """Each key reaches its place, and what is not given stays not given."""
    manifest = parse_manifest(FULL, "m.yaml", None, parser=parser)

    assert manifest.policy == PolicyKeys(retries=1, breaker=BreakerKeys(consecutive=3, open=1.0))
    groq, ours = manifest.providers["groq"], manifest.providers["ours"]
    assert (groq.kind, groq.url, groq.key_env) == ("openai", "https://api.groq.com/openai/v1", "GROQ_API_KEY")
    assert (groq.concurrency, groq.policy.concurrency, groq.line) == (8, 8, 3)
    assert (ours.url, ours.url_env, ours.headers) == (None, "SENTIMENT_URL", (("X-Scale-Up-Timeout", "600"),))
    assert (ours.max_response, ours.breaker) == (1048576, BreakerKeys(open=2.0))
    first, second = manifest.aliases["sentiment"].targets
    assert [route.provider for route in first.routes] == ["ours", "hf-inference"]
    assert {route.name for route in first.routes} == {first.model}
    assert (second.ref, second.context, second.routes[0].provider) == ("refs/pr/3", 512, "hf-inference")
    chat = manifest.aliases["chat"]
    assert (chat.task, chat.policy.attempt_timeout, chat.policy.max_wait) == ("chat", 20.5, 0.0)
    assert (chat.policy.refusal_fallback, chat.policy.retries) == (True, None)
    route = chat.targets[0].routes[0]
    assert route.price == Price(input=Decimal("0.05"), output=Decimal("0.8"))
    assert (route.name, route.attempt_timeout, route.line) == ("llama-3.1-8b", 5.0, 30)
    assert (chat.targets[1].model, chat.targets[1].pin) == (None, Pin.VERSIONED)
    assert (manifest.environment, manifest.environments) == (None, ("prod",))


def test_five_lines_are_enough() -> None:
    """A string is a model on the Hub, reached through hf-inference."""
    manifest = parsed("version: 1\nmodels:\n  gpt2: openai-community/gpt2@main\n  vit: google/vit\n")

    gpt2, vit = manifest.aliases["gpt2"].targets[0], manifest.aliases["vit"].targets[0]
    assert (gpt2.model, gpt2.ref, gpt2.requested, gpt2.line) == ("openai-community/gpt2", "main", "main", 3)
    assert (vit.ref, vit.requested) == (None, "main")
    assert vit.routes[0].provider == "hf-inference"
    assert manifest.providers["hf-inference"].url == "https://router.huggingface.co/hf-inference"
    assert manifest.providers["openai"].key_env == "OPENAI_API_KEY"


@both
def test_the_long_manifest_is_read_as_meant(parser: Parser) -> None:
    """The example of the documents: a server of one's own, a label map, the router, environments."""
    manifest = parse_manifest(LONG, "m.yaml", None, parser=parser)

    first, second = manifest.aliases["sentiment"].targets
    assert [manifest.providers[route.provider].kind for route in first.routes] == ["tei", "hf-inference"]
    assert (first.labels, second.labels) == ((), (("negative", "NEGATIVE"), ("positive", "POSITIVE")))
    router = manifest.aliases["chat"].targets[0].routes[1]
    assert router.name == "meta-llama/Llama-3.1-8B-Instruct:together"
    assert manifest.providers[router.provider].url == "https://router.huggingface.co/v1"
    assert manifest.providers[router.provider].key_env == "HF_TOKEN"
    prod = parse_manifest(LONG, "m.yaml", "prod", parser=parser).aliases["sentiment"]
    assert [[route.provider for route in target.routes] for target in prod.targets] == [["ours"]]


def test_what_servers_say_of_their_pin_is_asked_and_judged_as_the_manifest_says() -> None:
    """A deployment to ask about, what a mismatch means, and which targets may stand in for the first."""
    manifest = parsed(
        "version: 1\n"
        "providers: {p: {kind: hf-endpoint, url_env: U, token: hub, endpoint: acme/sentiment-1}}\n"
        "policy: {on_pin_mismatch: warn}\n"
        "models:\n"
        "  a: {fallback: any, on_pin_mismatch: refuse, targets: [{model: x}]}\n"
        "  b: {targets: [{model: x}]}\n"
        "  c: x\n"
    )

    assert manifest.providers["p"].deployment == "acme/sentiment-1"
    assert manifest.providers["hf-router"].deployment is None
    assert manifest.policy.on_pin_mismatch == "warn"
    assert [alias.policy.on_pin_mismatch for alias in manifest.aliases.values()] == ["refuse", None, None]
    assert [alias.fallback for alias in manifest.aliases.values()] == ["any", "contract", "contract"]


def test_the_kinds_are_those_that_are_spoken() -> None:
    """A kind that no codec speaks, or a codec that nobody can name, is a mistake."""
    assert frozenset(registry.BUILT_IN) == KINDS


@both
@given(labels=st.dictionaries(anything, anything, min_size=1, max_size=5))
def test_a_label_map_holds_any_labels(parser: Parser, labels: dict[str, str]) -> None:
    """Quoted, each label that the Hub's files may hold comes out as it went in."""
    assume("<<" not in labels)  # nothing is merged here, however it is spelt
    pairs = ", ".join(f"{scalar_text(own)}: {scalar_text(meant)}" for own, meant in labels.items())

    text = with_labels("{" + pairs + "}").encode()
    target = parse_manifest(text, "m.yaml", None, parser=parser).aliases["a"].targets[1]

    assert target.labels == tuple(sorted(labels.items()))


PROVIDERS = ("together", "hf-inference", "fireworks-ai", "Groq", "a.b_c", "0")
CHOOSERS = ("", "fastest", "cheapest", "preferred", "Fastest", "CHEAPEST")


@given(
    repo=st.sampled_from(["org/m", "org/m2", "gpt2"]),
    served_by=st.sampled_from(PROVIDERS + CHOOSERS),
    more=st.sampled_from(["", ":together", ":fastest", "/x", "@main"]),
)
def test_a_route_of_the_router_names_the_model_and_who_serves_it(
    repo: str, served_by: str, more: str
) -> None:
    """`org/model:provider`, and nothing that leaves the choice to the router."""
    name = f"{repo}:{served_by}{more}"
    text = with_router(name)

    if repo == "org/m" and served_by in PROVIDERS and not more:
        assert parsed(text).aliases["a"].targets[0].routes[0].name == name
    else:
        [problem] = refused(text).problems
        assert problem.path == "models.a.targets[0].routes[0]"
        assert 'name: "org/m:together"' in problem.what


def test_an_environment_replaces_the_whole_alias() -> None:
    """No deep merge: what the environment says of an alias is all there is."""
    manifest = parse_manifest(FULL, "m.yaml", "prod")

    gpt2 = manifest.aliases["gpt2"]
    assert (gpt2.targets[0].ref, gpt2.environment) == ("v1.0", "prod")
    assert manifest.aliases["chat"].environment is None


def test_an_unknown_environment_is_told_with_the_known_ones() -> None:
    """A typo in the environment must not fall back to the default one."""
    with pytest.raises(ConfigError, match=r'"prd"; did you mean "prod"\?'):
        parse_manifest(FULL, "m.yaml", "prd")


@both
def test_all_problems_are_told_at_once_with_their_places(parser: Parser) -> None:
    """Four mistakes in four parts of the file are four problems in the order of the file."""
    text = (
        "version: 1\n"
        "providers:\n"
        "  ours: {kind: opnai, url: http://localhost:8000}\n"
        "policy: {retries: 1_0, deadline: 5, deadline: 6}\n"
        "models:\n"
        "  a:\n"
        "    targets:\n"
        "      - model: org/model@\n"
        "        routes: [our]\n"
        "environments:\n"
        "  prod: {b: org/model}\n"
    )

    error = refused(text, parser)

    assert problems_of(error) == [
        (3, 16, "providers.ours.kind"),
        (4, 19, "policy.retries"),
        (4, 37, ""),
        (8, 16, "models.a.targets[0].model"),
        (9, 18, "models.a.targets[0].routes[0]"),
        (11, 10, "environments.prod.b"),
    ]
    lines = str(error).splitlines()
    assert lines[0].startswith(
        'm.yaml:3:16: providers.ours.kind: "opnai" is not known here; did you mean "openai"?'
    )
    assert len(lines) == 6


SUGGESTIONS = {
    "an unknown key": (with_alias("{tragets: [{model: x}]}"), "targets"),
    "an unknown top key": ("version: 1\nmodel: {}\nmodels: {}\n", "models"),
    "a provider": (with_alias("{targets: [{model: x, routes: [hf-infrence]}]}"), "hf-inference"),
    "a task": (with_alias("{task: text-clasification, targets: [{model: x}]}"), "text-classification"),
    "a kind": (with_provider("{kind: open-ai, url: 'https://x'}"), "openai"),
    "a balance": (with_policy("{balance: orderd}"), "ordered"),
    "an alias of an environment": (with_alias("x/y") + "environments: {e: {aa: x/y}}\n", "a"),
    "a breaker key": (with_policy("{breaker: {max_opn: 1}}"), "max_open"),
}


@pytest.mark.parametrize(("text", "word"), SUGGESTIONS.values(), ids=SUGGESTIONS.keys())
def test_a_misspelt_word_is_told_with_the_right_one(text: str, word: str) -> None:
    """Unknown keys, providers, tasks, kinds, balances and aliases come with a did-you-mean."""
    assert f'did you mean "{word}"?' in str(refused(text))


def test_a_misplaced_key_is_told_where_it_belongs() -> None:
    """`safe` is an alias's key, `price` a route's."""
    assert "it belongs to an alias" in str(refused(with_policy("{safe: true}")))
    assert "it belongs to a route" in str(refused(with_alias("{price: {}, targets: [{model: x}]}")))


REFUSED = {
    "no version": ("models: {}\n", "write version: 1"),
    "a newer version": ("version: 2\nmodels: {}\n", "newer release"),
    "a quoted version": ("version: '1'\nmodels: {}\n", "without quotes"),
    "no models": ("version: 1\n", "models is missing"),
    "models as a list": ("version: 1\nmodels: [a]\n", "mapping by alias"),
    "an alias in capitals": ("version: 1\nmodels: {Chat: x/y}\n", "lower-case"),
    "an alias other readers take for a boolean": ("version: 1\nmodels: {no: x/y}\n", "in quotes"),
    "a model other readers take for a number": (with_alias("123"), "in quotes"),
    "a key of a later issue": (with_alias("{targets: [{model: x, weight: 2}]}"), "unknown key"),
    "a later balance": (with_policy("{balance: cheapest}"), "cheapest"),
    "a provider nobody named": (with_alias("{targets: [{model: x, routes: [media]}]}"), "no provider"),
    "labels of the first target": (
        with_alias("{targets: [{model: x, labels: {a: b}}, {model: z}]}"),
        "the labels of the first target are the alias's own",
    ),
    "labels of nothing": (with_labels("{}"), "an empty map"),
    "labels in a list": (with_labels("[a, b]"), "mapping by label"),
    "labels as a word": (with_labels("same"), "mapping by label"),
    "a label twice": (with_labels("{a: b, 'a': c}"), "appears twice"),
    "a label that stands for nothing": (with_labels("{a: }"), "is not a label"),
    "a label that stands for two": (with_labels("{a: [b, c]}"), "single value"),
    "a label of two lines": (with_labels('{"a\\nb": c}'), "one line"),
    "a label without text": (with_labels("{'': c}"), "is not a label"),
    "a label other readers take for a boolean": (with_labels("{no: NEGATIVE}"), "in quotes"),
    "labels of a route": (
        with_alias("{targets: [{model: x}, {model: z, routes: [{provider: openai, labels: {a: b}}]}]}"),
        "it belongs to a target",
    ),
    "another fallback": (with_alias("{fallback: all, targets: [{model: x}]}"), "not known here"),
    "a fallback for all aliases": (with_policy("{fallback: any}"), "it belongs to an alias"),
    "another way with a mismatch": (with_policy("{on_pin_mismatch: ignore}"), "not known here"),
    "a deployment of another kind": (
        with_provider("{kind: tgi, url: 'https://x', key_env: K, endpoint: acme/a}"),
        "only kind hf-endpoint",
    ),
    "a deployment without a key": (
        with_provider("{kind: hf-endpoint, url: 'https://x', endpoint: acme/a}"),
        "give key_env, or token: hub",
    ),
    "a deployment without namespace": (
        with_provider("{kind: hf-endpoint, url_env: U, key_env: K, endpoint: a}"),
        "namespace/name",
    ),
    "a deployment by its address": (
        with_provider("{kind: hf-endpoint, url_env: U, key_env: K, endpoint: 'https://ui.endpoints/acme/a'}"),
        "namespace/name",
    ),
    "a deployment out of its place": (
        with_provider("{kind: hf-endpoint, url_env: U, key_env: K, endpoint: 'acme/..'}"),
        "namespace/name",
    ),
    "a router's route without provider": (with_router("org/m"), "says no provider"),
    "a router's route by its name alone": (
        with_alias("{targets: [{model: org/m, routes: [hf-router]}]}"),
        "says no provider",
    ),
    "a router's route to the fastest": (with_router("org/m:Fastest"), "chooses a provider"),
    "a router's route to another repo": (with_router("org/other:together"), '"org/other"'),
    "a router's route to two providers": (with_router("org/m:together:groq"), "no provider of the router"),
    "a provider-only target of the router": (
        with_alias("{task: chat, targets: [{provider: hf-router, name: 'org/m:together', pin: floating}]}"),
        "write model:",
    ),
    "a number with underscores": (with_policy("{retries: 1_0}"), "plain number"),
    "an octal number": (with_policy("{retries: 010}"), "plain number"),
    "a hexadecimal number": (with_policy("{retries: 0x10}"), "plain number"),
    "a sexagesimal number": (with_policy("{deadline: 1:30}"), "plain number"),
    "a number with a unit": (with_policy("{deadline: 30s}"), "plain number"),
    "infinity": (with_policy("{deadline: .inf}"), "plain number"),
    "not a number": (with_policy("{deadline: .nan}"), "plain number"),
    "a number with an exponent": (with_policy("{deadline: 1e3}"), "plain number"),
    "a quoted number": (with_policy("{deadline: '30'}"), "without quotes"),
    "an endless number": (with_policy("{deadline: " + "9" * 4000 + "}"), "plain number"),
    "a length of nothing": (with_policy("{deadline: 0}"), "out of range"),
    "a length past what a wait can be": (with_policy("{deadline: 604801}"), "out of range"),
    "a negative wait": (with_policy("{max_wait: -1}"), "out of range"),
    "half a retry": (with_policy("{retries: 1.5}"), "whole number"),
    "a share over one": (with_policy("{breaker: {failure_rate: 1.1}}"), "out of range"),
    "a boolean by another word": (with_policy("{refusal_fallback: yes}"), "true or false"),
    "a boolean in capitals": (with_policy("{refusal_fallback: True}"), "true or false"),
    "a quoted boolean": (with_policy("{refusal_fallback: 'true'}"), "without quotes"),
    "an attempt that outlasts the call": (with_policy("{deadline: 5, attempt_timeout: 6}"), "outlast"),
    "a window shorter than two attempts": (
        with_policy("{attempt_timeout: 6, breaker: {window: 11}}"),
        "policy.breaker.window",
    ),
    "an open time over its greatest": (with_policy("{breaker: {open: 6, max_open: 5}}"), "breaker.max_open"),
    "nothing useful before the deadline": (with_policy("{deadline: 5, min_useful: 6}"), "no attempt"),
    "a negative price": (
        with_alias("{targets: [{model: x, routes: [{provider: openai, price: {input: -1}}]}]}"),
        "out of range",
    ),
    "no targets": (with_alias("{task: chat}"), "targets is missing"),
    "an empty list of targets": (with_alias("{targets: []}"), "empty list"),
    "an empty target": (with_alias("{targets: [{}]}"), "a target needs model"),
    "a route beside a model": (
        with_alias("{targets: [{model: x, provider: openai}]}"),
        "belongs into routes",
    ),
    "routes without a model": (
        with_alias("{task: chat, targets: [{provider: openai, name: m, pin: floating, routes: [openai]}]}"),
        "its own route",
    ),
    "a provider-only target without pin": (
        with_alias("{task: chat, targets: [{provider: openai, name: n}]}"),
        "pin is missing",
    ),
    "a provider-only target without name": (
        with_alias("{task: chat, targets: [{provider: openai, pin: floating}]}"),
        "name is missing",
    ),
    "a provider-only target of the Hub": (
        with_alias("{task: chat, targets: [{provider: hf-inference, name: m, pin: floating}]}"),
        "write model:",
    ),
    "no task and no repo": (
        with_alias("{targets: [{provider: openai, name: m, pin: floating}]}"),
        "task is missing",
    ),
    "the same route twice": (with_alias("{targets: [{model: x, routes: [openai, openai]}]}"), "already"),
    "a route without provider": (
        with_alias("{targets: [{model: x, routes: [{name: n}]}]}"),
        "provider is missing",
    ),
    "a name with a blank": (
        with_alias("{task: chat, targets: [{provider: openai, name: a b, pin: floating}]}"),
        "without blanks",
    ),
    "no kind": (with_provider("{url: 'https://x'}"), "kind is missing"),
    "no address": (with_provider("{kind: hf-endpoint}"), "give url or url_env"),
    "two addresses": (with_provider("{kind: openai, url: 'https://x', url_env: X}"), "keep one"),
    "a variable in lower case": (with_provider("{kind: openai, key_env: my_key}"), "NAME of an environment"),
    "a key over plain http": (
        with_provider("{kind: openai, url: 'http://x.example', key_env: K}"),
        "plain http",
    ),
    "a header with a secret": (
        with_provider("{kind: openai, headers: {X-Api-Key: abc}}"),
        "put the variable's name in key_env",
    ),
    "a header of the transport": (with_provider("{kind: openai, headers: {Host: x}}"), "leave it out"),
    "a header twice": (with_provider("{kind: openai, headers: {X-A: b, x-a: c}}"), "given twice"),
    "a header's name with a blank": (with_provider("{kind: openai, headers: {'X A': b}}"), "header's name"),
    "a header's value with a line end": (
        with_provider('{kind: openai, headers: {A: "b\\nc: d"}}'),
        "line breaks",
    ),
    "a header to be filled in": (
        with_provider('{kind: openai, headers: {A: "${B}"}}'),
        "nothing is filled in",
    ),
    "a secret's key": (with_provider("{kind: openai, api_key: abc}"), "name its environment variable"),
    "a token written out": (with_provider("{kind: hf-inference, token: abc}"), "stays out of this file"),
    "two sources of a key": (
        with_provider("{kind: hf-inference, token: hub, key_env: A}"),
        "token and key_env are both given",
    ),
    "the Hub's token for a stranger": (
        with_provider("{kind: openai, token: hub}"),
        "the Hub's token is not for",
    ),
    "the Hub's token over plain http": (
        with_provider("{kind: openai, url: 'http://example.org/v1', token: hub}"),
        "readable over plain http",
    ),
}


def test_the_hub_s_token_takes_the_place_of_a_variable() -> None:
    """Also where the kind has a variable by default; without it, that one holds."""
    text = with_provider("{kind: hf-inference, token: hub}")
    asking = parse_manifest(text.encode(), "m.yaml", None).providers["p"]
    assert (asking.hub_token, asking.key_env) == (True, None)
    text = with_provider("{kind: hf-inference}")
    plain = parse_manifest(text.encode(), "m.yaml", None).providers["p"]
    assert (plain.hub_token, plain.key_env) == (False, "HF_TOKEN")


@pytest.mark.parametrize(("text", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_one_meaning_is_refused(text: str, what: str) -> None:
    """Each mistake is one problem with a place and what to do about it."""
    error = refused(text)

    assert what in str(error)
    assert all(problem.file == "m.yaml" and problem.line for problem in error.problems)


def test_a_price_of_nothing_is_free_and_no_price_is_unknown() -> None:
    """0 and absent are never confused."""
    manifest = parse_manifest(FULL, "m.yaml", None)

    price = manifest.aliases["chat"].targets[1].routes[0].price
    assert price == Price(input=Decimal(0))
    assert price is not None
    assert price.output is None
    assert manifest.aliases["gpt2"].targets[0].routes[0].price is None


def test_a_provider_may_take_the_place_of_a_built_in_one() -> None:
    """Tests and proxies point `openai` somewhere else; its key does not follow by itself."""
    manifest = parsed(
        "version: 1\nproviders: {openai: {kind: openai, url: 'http://127.0.0.1:1/v1'}}\nmodels: {}\n"
    )

    openai = manifest.providers["openai"]
    assert (openai.url, openai.key_env) == ("http://127.0.0.1:1/v1", None)


def test_without_an_address_a_known_kind_has_its_own() -> None:
    """A second account at the same provider needs only another key."""
    manifest = parsed("version: 1\nproviders: {second: {kind: openai, key_env: SECOND}}\nmodels: {}\n")

    second = manifest.providers["second"]
    assert (second.url, second.key_env) == ("https://api.openai.com/v1", "SECOND")


def test_a_plug_in_adds_its_kind() -> None:
    """A kind is known if the caller says so."""
    text = b"version: 1\nproviders: {media: {kind: evolink, url: 'https://x.example'}}\nmodels: {}\n"

    assert parse_manifest(text, "m", None, kinds=frozenset({"evolink"})).providers["media"].kind == "evolink"
    with pytest.raises(ConfigError, match="evolink"):
        parse_manifest(text, "m", None)


def shuffled(tree: object, order: st.DataObject) -> object:
    """The same mapping with its keys in another order, at every level."""
    if isinstance(tree, dict):
        keys = order.draw(st.permutations(list(tree)))
        return {key: shuffled(tree[key], order) for key in keys}
    return [shuffled(item, order) for item in tree] if isinstance(tree, list) else tree


def without_lines(value: object) -> str:
    return " ".join(part for part in repr(value).replace(")", ",").split() if not part.startswith("line="))


@pytest.mark.parametrize("text_of", [FULL, LONG], ids=["full", "long"])
@settings(max_examples=60)
@given(data=st.data(), flow=st.booleans())
def test_order_of_keys_comments_and_style_change_nothing(
    text_of: bytes, data: st.DataObject, flow: bool
) -> None:
    """A manifest means the same however it is laid out; only line numbers differ."""
    tree = shuffled(yaml.safe_load(text_of), data)
    text = yaml.safe_dump(tree, sort_keys=False, default_flow_style=flow, width=10_000)
    lines = [line + data.draw(st.sampled_from(["", "  # why"])) for line in text.splitlines()]

    again = parse_manifest("\n".join(lines).encode(), "m.yaml", None)

    original = parse_manifest(text_of, "m.yaml", None)
    assert again.aliases.keys() == original.aliases.keys()
    for name, alias in original.aliases.items():
        assert without_lines(again.aliases[name]) == without_lines(alias)
    for name, provider in original.providers.items():
        assert without_lines(again.providers[name]) == without_lines(provider)
    assert again.policy == original.policy


@pytest.mark.parametrize("text_of", [FULL, LONG], ids=["full", "long"])
@settings(max_examples=100)
@given(changes=mutations)
def test_nothing_but_a_config_error_comes_out(text_of: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    """However a manifest is damaged, it is read or refused."""
    try:
        manifest = parse_manifest(mutated(text_of, changes), "m.yaml", None)
    except ConfigError as error:
        problems: tuple[object, ...] = error.problems
    else:
        problems = (manifest,)
    assert problems


def test_many_problems_do_not_make_an_endless_message() -> None:
    """The message lists fifty; the error has them all, and is made in time."""
    error = refused("version: 1\nmodels: {}\n" + "".join(f"key{n}: 1\n" for n in range(5000)))

    assert len(error.problems) == 5000
    assert str(error).endswith("and 4950 more")
