"""Fold: what a name or an expression stands for, as far as the file says."""

import pytest

from .seeing import models_of, reading_of

LOAD = "AutoModel.from_pretrained"

PROGRAMS: dict[str, tuple[str, list[str]]] = {
    "a constant": (f"MODEL = 'org/m'\n{LOAD}(MODEL)", ["org/m"]),
    "a constant with a type": (f"MODEL: Final[str] = 'org/m'\n{LOAD}(MODEL)", ["org/m"]),
    "a constant of a constant": (f"A = 'org/m'\nB = A\n{LOAD}(B)", ["org/m"]),
    "a constant from inside a function": (f"MODEL = 'org/m'\ndef f():\n    {LOAD}(MODEL)", ["org/m"]),
    "a constant that comes later": (f"def f():\n    {LOAD}(MODEL)\nMODEL = 'org/m'", ["org/m"]),
    "a constant of a function": (f"def f():\n    name = 'org/m'\n    {LOAD}(name)", ["org/m"]),
    "a name of a function hides the module's": (
        f"name = 'org/a'\ndef f(name):\n    {LOAD}(name)",
        [],
    ),
    "an f-string": (f"ORG = 'org'\n{LOAD}(f'{{ORG}}/m')", ["org/m"]),
    "an f-string with a number": (f"{LOAD}(f'org/m-{{7}}b')", ["org/m-7b"]),
    "pieces added": (f"ORG = 'org'\n{LOAD}(ORG + '/' + 'm')", ["org/m"]),
    "pieces side by side": (f"{LOAD}('org/' 'm')", ["org/m"]),
    "format": (f"{LOAD}('{{}}/{{}}'.format('org', 'm'))", ["org/m"]),
    "format by names": (f"{LOAD}('{{o}}/{{m}}'.format(m='m', o='org'))", ["org/m"]),
    "percent": (f"{LOAD}('%s/%s' % ('org', 'm'))", ["org/m"]),
    "percent by names": (f"{LOAD}('%(o)s/m' % {{'o': 'org'}})", ["org/m"]),
    "stripped": (f"{LOAD}('org/m/'.rstrip('/'))", ["org/m"]),
    "the default of a variable": (
        f"import os\n{LOAD}(os.environ.get('MODEL', 'org/m'))\n{LOAD}(os.getenv('MODEL', 'org/n'))",
        ["org/m", "org/n"],
    ),
    "the default of a parameter": (
        f"def f(name='org/m', *, n='org/n'):\n    {LOAD}(name)\n    {LOAD}(n)",
        ["org/m", "org/n"],
    ),
    "or": (f"def f(name=None):\n    {LOAD}(name or 'org/m')", ["org/m"]),
    "one of two": (f"{LOAD}('org/a' if big else 'org/b')", ["org/a", "org/b"]),
    "on either way": (
        f"if big:\n    name = 'org/a'\nelse:\n    name = 'org/b'\n{LOAD}(name)",
        ["org/a", "org/b"],
    ),
    "used again for another": (
        f"name = 'org/a'\n{LOAD}(name)\nname = 'org/b'\n{LOAD}(name)",
        ["org/a", "org/b"],
    ),
    "changed on one way only": (
        f"name = 'org/a'\nif big:\n    name = 'org/b'\n{LOAD}(name)",
        ["org/a", "org/b"],
    ),
    "made of what it was": (f"name = 'm'\nname = 'org/' + name\n{LOAD}(name)", ["org/m"]),
    "a loop over a list": (f"for name in ['org/a', 'org/b']:\n    {LOAD}(name)", ["org/a", "org/b"]),
    "a loop over a named tuple of names": (
        f"ALL = ('org/a', 'org/b')\nfor n in ALL:\n    {LOAD}(n)",
        ["org/a", "org/b"],
    ),
    "a loop that counts": (f"for i, n in enumerate(['org/a']):\n    {LOAD}(n)", ["org/a"]),
    "a loop over what is sorted": (
        f"for n in sorted({{'org/b', 'org/a'}}):\n    {LOAD}(n)",
        ["org/b", "org/a"],
    ),
    "a loop that shows how far it is": (f"for n in tqdm(['org/a'], desc='x'):\n    {LOAD}(n)", ["org/a"]),
    "a loop that counts from one": (f"for i, n in enumerate(['org/a'], 1):\n    {LOAD}(n)", ["org/a"]),
    "a loop over keys": (f"ALL = {{'org/a': 1}}\nfor n in ALL.keys():\n    {LOAD}(n)", ["org/a"]),
    "a loop over values": (f"ALL = {{'x': 'org/a'}}\nfor n in ALL.values():\n    {LOAD}(n)", ["org/a"]),
    "a comprehension": (f"[{LOAD}(n) for n in ('org/a', 'org/b')]", ["org/a", "org/b"]),
    "a loop over pairs": (f"for n, size in [('org/a', 1), ('org/b', 2)]:\n    {LOAD}(n)", ["org/a", "org/b"]),
    "a loop over a mapping's values": (
        f"ALL = {{'x': 'org/a', 'y': 'org/b'}}\nfor key, n in ALL.items():\n    {LOAD}(n)",
        ["org/a", "org/b"],
    ),
    "a loop over a mapping's keys": (f"for n in {{'org/a': 1}}:\n    {LOAD}(n)", ["org/a"]),
    "one of a mapping": (f"ALL = {{'x': 'org/a', 'y': 'org/b'}}\n{LOAD}(ALL['y'])", ["org/b"]),
    "any of a mapping": (f"ALL = {{'x': 'org/a', 'y': 'org/b'}}\n{LOAD}(ALL[size])", ["org/a", "org/b"]),
    "one of a mapping, or else": (
        f"ALL = {{'x': 'org/a'}}\n{LOAD}(ALL.get('x', 'org/b'))",
        ["org/a", "org/b"],
    ),
    "one of a list": (f"ALL = ['org/a', 'org/b']\n{LOAD}(ALL[1])", ["org/b"]),
    "a mapping within a mapping": (
        f"ALL = {{'x': {{'name': 'org/a'}}}}\n{LOAD}(ALL['x']['name'])",
        ["org/a"],
    ),
    "an attribute of the class": (
        f"class A:\n    MODEL = 'org/m'\n    def f(self):\n        {LOAD}(self.MODEL)\n{LOAD}(A.MODEL)",
        ["org/m", "org/m"],
    ),
    "an attribute set when it is made": (
        (
            "class A:\n    def __init__(self):\n        self.name = 'org/m'\n"
            f"    def f(self):\n        {LOAD}(self.name)"
        ),
        ["org/m"],
    ),
    "a field of settings": (
        f"class Settings:\n    name: str = 'org/m'\nsettings = Settings()\n{LOAD}(settings.name)",
        ["org/m"],
    ),
    "a member of an enum": (f"class M(Enum):\n    A = 'org/m'\n{LOAD}(M.A.value)", ["org/m"]),
    "the walrus": (f"if (name := 'org/m'):\n    {LOAD}(name)", ["org/m"]),
    "stripped of blanks": (f"{LOAD}(' org/a '.strip())\n{LOAD}(' org/b'.lstrip())", ["org/a", "org/b"]),
    "text of a text": (f"{LOAD}(str('org/m'))", ["org/m"]),
    "two at once": (f"a, b = 'org/a', 'org/b'\n{LOAD}(b)", ["org/b"]),
    "changed in place": (f"name = 'org/m'\nname += suffix\n{LOAD}(name)", []),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_written_in_the_file_is_followed(name: str) -> None:
    """And nothing else is guessed."""
    program, expected = PROGRAMS[name]

    assert [model for model, *_ in models_of(program)] == expected


@pytest.mark.parametrize(
    "program",
    [
        "a = b\nb = a\nAutoModel.from_pretrained(a)",
        "def f(a=a): AutoModel.from_pretrained(a)",
        "a = f'{a}{a}'\nAutoModel.from_pretrained(a)",
        "a = a.b\nAutoModel.from_pretrained(a.b.value)",
        "for a in a: AutoModel.from_pretrained(a)",
        "class A:\n    a = A.a\nAutoModel.from_pretrained(A.a)",
        "\n".join(["a0 = 'x'", *(f"a{n} = a{n - 1} + a{n - 1}" for n in range(1, 60))])
        + "\nAutoModel.from_pretrained(a59)",
        "ALL = [" + ", ".join(f"'org/m{n}'" for n in range(5_000)) + "]\nAutoModel.from_pretrained(ALL[i])",
        "AutoModel.from_pretrained(" + " + ".join("'a'" for _ in range(800)) + ")",
        "AutoModel.from_pretrained(" + " or ".join(f"f'{{a}}{n}'" for n in range(500)) + ")",
    ],
    ids=[
        "round",
        "itself",
        "twice itself",
        "attribute",
        "loop",
        "class",
        "doubling",
        "many",
        "long",
        "choices",
    ],
)
def test_what_has_no_end_is_not_followed_to_it(program: str) -> None:
    """Names that stand for each other, and texts that double sixty times over, take no time."""
    reading = reading_of(program)

    assert len(reading.sightings) <= 32
    assert reading.sightings or reading.not_told
