"""What models load, on the sandbox Hub, with huggingface_hub 1.x and 2.x: a base, code, a tokenizer.

The commands run as people run them; what happens to the repos that are needed
must be told like what happens to a model, and never keep the model from being
locked unless the Hub does not answer.
"""

import json
import re
from collections.abc import Callable

import pytest
import yaml

from resilient_infer.testing.sandbox import faults
from resilient_infer.testing.sandbox.hub import Hub, Look, Repo
from tests.lock.conftest import TOKEN, Project


def adapted(project: Project) -> tuple[Repo, Repo, Repo]:
    """The project's model becomes an adapter: of a base that runs another repo's code."""
    name = project.repo.name
    code = project.hub.create(f"{name}-code", {"modeling_x.py": "class X: ...\n", "README.md": "# Code\n"})
    base = project.hub.model(f"{name}-base", Look(task="text-generation", chat=True, max_length=4096))
    classes = {"AutoModelForCausalLM": f"{code.name}--modeling_x.X", "AutoConfig": "configuration_x.XConfig"}
    config = {"architectures": ["XForCausalLM"], "max_position_embeddings": 4096, "auto_map": classes}
    base.push({"config.json": json.dumps(config), "configuration_x.py": "class XConfig: ...\n"})
    adapter: dict[str, bytes | str | None] = dict.fromkeys({*project.repo.at("main").files} - {"README.md"})
    keys = {"base_model_name_or_path": base.name, "peft_type": "LORA", "task_type": "CAUSAL_LM"}
    adapter |= {
        "adapter_config.json": json.dumps(keys),
        "adapter_model.safetensors": b"small",
        "README.md": "#",
    }
    project.repo.push(adapter)
    return project.repo, base, code


def pins(project: Project) -> dict[str, str]:
    """Every model in the entry with its commit."""
    entry = yaml.safe_load(project.lock.read_text())["models"]["a"]
    return {pin["model"]: pin["revision"] for pin in (*entry["pins"], *entry.get("needed", ()))}


def test_an_adapter_with_its_base_and_the_bases_code(project: Project) -> None:
    """Locked together; locked again without a question; fits offline; each verified."""
    adapter, base, code = adapted(project)

    ended = project.run("lock")

    assert ended.code == 0
    assert pins(project) == {repo.name: repo.head for repo in (adapter, base, code)}
    assert f"needed by {adapter.name} (base)" in ended.out
    assert f"needed by {base.name} (code)" in ended.out
    assert f"RI405: {base.name} has code of its own, which runs where it is trusted: configuration_x.py" in (
        " ".join(ended.out.split())
    )
    before = project.lock.read_bytes()
    for repo in (adapter, base, code):
        repo.push({"NOTES.md": "# New\n"})
    project.hub.forget()
    assert project.run("lock").code == project.run("lock", "--check").code == 0
    assert (project.hub.count(), project.lock.read_bytes()) == (0, before)
    verified = project.run("verify").out
    assert re.findall("^  ok +a +([^ ]+)", verified, re.MULTILINE) == [*pins(project)]
    assert re.findall("  for (.+)$", verified, re.MULTILINE) == [adapter.name, base.name]
    record = json.loads(project.run("verify", "--format", "json").out)
    assert [pin["needed_by"] for pin in record["pins"]] == [[], [adapter.name], [base.name]]
    deep = project.run("verify", "--deep")
    assert (deep.code, deep.codes) == (0, {"RI301", "RI405"})


def test_an_alias_is_added_with_what_it_needs(project: Project) -> None:
    """`add` locks it all, or nothing."""
    adapter, base, code = adapted(project)
    (project.root / "lockfiles" / "models.yaml").unlink()

    ended = project.run("add", "a", adapter.name)

    assert ended.code == 0
    assert set(pins(project)) == {adapter.name, base.name, code.name}


FATES: dict[str, Callable[[Hub, Repo], object]] = {
    "gated": lambda hub, repo: repo.gate(),
    "gated and hidden": lambda hub, repo: repo.gate(listed=False),
    "private": lambda hub, repo: repo.make_private(),
    "gone": lambda hub, repo: hub.delete(repo.name),
    "disabled": lambda hub, repo: repo.disable(),
}


@pytest.mark.parametrize("fate", FATES)
def test_a_base_that_cannot_be_read_does_not_keep_the_adapter_from_being_locked(
    project: Project, fate: str
) -> None:
    """It is said by `lock` and by `verify`; no exit code but the one that asks for warnings."""
    adapter, base, _ = adapted(project)
    FATES[fate](project.hub, base)

    ended = project.run("lock")

    assert ended.code == 0
    assert pins(project) == {adapter.name: adapter.head}
    assert f"RI405: {adapter.name} loads {base.name}@main (base), which is not locked: " in (
        " ".join(ended.out.split())
    )
    before = project.lock.read_bytes()
    again = project.run("lock")
    assert (again.code, again.codes) == (0, {"RI405"})
    assert project.run("lock", "--check").code == 0
    assert project.lock.read_bytes() == before
    told = project.run("verify")
    assert (told.code, told.codes) == (0, {"RI405"})
    assert "warning RI405 lockfiles/models.lock.yaml:" in told.out
    assert project.run("verify", "--fail-on", "warning").code == 1


def test_a_gated_base_is_locked_once_access_is_granted(project: Project) -> None:
    """By the next `lock`, as if it had been there at once."""
    adapter, base, code = adapted(project)
    base.gate()
    assert project.run("lock").code == 0
    base.grant(TOKEN)

    ended = project.run("lock", token=TOKEN)

    assert ended.code == 0
    assert pins(project) == {repo.name: repo.head for repo in (adapter, base, code)}
    deep = project.run("verify", token=TOKEN)
    assert deep.codes == {"RI405"}
    assert f"{base.name} has code of its own" in deep.out
    assert project.run("verify").codes == {"RI900"}


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        (lambda hub, repo: repo.squash(), "RI201"),
        (lambda hub, repo: hub.delete(repo.name), "RI202"),
        (lambda hub, repo: hub.rename(repo.name, f"{repo.name}-new"), "RI203"),
        (lambda hub, repo: repo.tamper("model.safetensors", b"evil"), "RI104"),
        (lambda hub, repo: repo.push({"model.safetensors": b"newer"}), "RI302"),
    ],
    ids=["squashed", "gone", "renamed", "tampered", "moved on"],
)
def test_what_happens_to_a_base_is_told_like_what_happens_to_a_model(
    project: Project, fate: Callable[[Hub, Repo], object], told: str
) -> None:
    """With the line of its own pin; `lock` moves nothing."""
    _, base, _ = adapted(project)
    assert project.run("lock").code == 0
    before = project.lock.read_bytes()

    fate(project.hub, base)

    assert project.run("verify").codes == {told}
    assert project.run("lock").code == 0
    assert project.lock.read_bytes() == before


@pytest.mark.parametrize(
    "fault",
    [faults.Status(code=503), faults.Page(), faults.Refused(), faults.Hang(), faults.Status(code=429)],
    ids=["503", "HTML", "refused", "hang", "429"],
)
def test_a_hub_that_is_down_for_a_base_is_no_base_that_is_gone(project: Project, fault: faults.Fault) -> None:
    """A need that is not locked yet is asked for: exit 3, and not a byte is changed."""
    _, base, _ = adapted(project)
    base.gate()
    assert project.run("lock").code == 0
    before = project.lock.read_bytes()
    base.ungate()
    project.hub.fail(fault)

    ended = project.run("lock")

    assert (ended.code, ended.codes) == (3, {"RI900"})
    assert project.lock.read_bytes() == before
    assert project.run("lock", "--check").code == 0


def test_a_tokenizer_in_another_repo(project: Project) -> None:
    """As sentence-transformers takes it from its own config."""
    words = project.hub.model(f"{project.repo.name}-words", Look(task=None))
    modules = [
        {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    project.repo.push(
        {
            "modules.json": json.dumps(modules),
            "1_Pooling/config.json": '{"word_embedding_dimension": 384}',
            "sentence_bert_config.json": json.dumps({"tokenizer_name_or_path": words.name}),
        }
    )

    assert project.run("lock").code == 0

    assert pins(project) == {project.repo.name: project.repo.head, words.name: words.head}
    assert project.run("verify", "--deep").codes == set()


def test_adapters_of_each_other_end(project: Project) -> None:
    """A cycle is two pins."""
    first, second, _ = adapted(project)
    keys = {"base_model_name_or_path": first.name}
    second.push({"adapter_config.json": json.dumps(keys), "config.json": "{}"})

    assert project.run("lock").code == 0

    assert pins(project) == {first.name: first.head, second.name: second.head}
    before = project.lock.read_bytes()
    assert project.run("lock").code == 0
    assert project.lock.read_bytes() == before


def test_a_lock_written_by_hand_is_told_and_completed(project: Project) -> None:
    """Three keys; a deep look says what they leave open, `lock` fills it in."""
    adapter, base, code = adapted(project)
    pin = f'{{model: {adapter.name}, requested: main, revision: "{adapter.head}"}}'
    project.lock.write_text(f'lock_version: "1.0"\nmodels:\n  a:\n    pins:\n      - {pin}\n')

    assert project.run("verify").codes == set()
    assert project.run("verify", "--deep").codes == {"RI405"}
    assert project.run("lock").code == 0

    assert set(pins(project)) == {adapter.name, base.name, code.name}
    assert project.run("verify").codes == set()


def test_no_token_of_a_config_is_ever_shown(project: Project) -> None:
    """In place of a name, of a ref, of a class: nothing of it is in the lock or on the screen."""
    secret = "hf_" + "x" * 34
    keys = {"base_model_name_or_path": secret, "revision": secret}
    classes = {"A": f"{secret}--m.C", "B": f"m.{secret}", "C": f"acme/x--{secret}.C"}
    project.repo.push({"adapter_config.json": json.dumps(keys)})
    project.repo.push({"config.json": json.dumps({"auto_map": classes}), f"{secret}.py": "..."})
    told = [project.run("lock"), project.run("verify", "--deep"), project.run("lock", "--check")]

    assert [ended.code for ended in told] == [0, 0, 0]
    assert secret not in "".join(ended.out + ended.err for ended in told) + project.lock.read_text()
