"""Credentials: where a token comes from. Read from the environment at call time, never from a config file.

`HF_TOKEN` means the token of the Hub, which is looked for in the same places
and order as huggingface_hub does; its own lookup is not used on the way of a
call, because importing it costs 150 ms.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from resilient_infer.core.secret import Secret
from resilient_infer.errors import ConfigError, ResilientInferError
from resilient_infer.transport.headers import check_header

HUB_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
FILE_VARIABLES: Final = ("HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME")
"""What says where the Hub's token file is."""


class Sources:
    """The variables and files something was made from, as they were then. Its repr shows none of it.

    Args:
        environ: Where variables are looked up, then and now.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._variables: dict[str, str | None] = {}
        self._files: dict[Path, tuple[int, int, int] | None] = {}
        self._asked: list[tuple[Callable[[], str | None], Secret | None]] = []

    def variable(self, name: str) -> str | None:
        """The value of a variable, which is noted."""
        value = self._variables[name] = self._environ.get(name)
        return value

    def key(self, variable: str) -> Secret | None:
        """`read_key`, with all that it looks at noted.

        Raises:
            ConfigError: The key cannot be sent in a header.
        """
        names = HUB_VARIABLES if variable in HUB_VARIABLES else (variable,)
        values = [self.variable(name) for name in names]
        if variable in HUB_VARIABLES and not any(value and value.strip() for value in values):
            for name in FILE_VARIABLES:
                self.variable(name)
            path = hub_token_file(self._environ)
            self._files[path] = _stamp(path)  # before it is read: a change in between is seen next time
        return read_key(variable, self._environ)

    def asked(self, source: str, ask: Callable[[], str | None]) -> Secret | None:
        """The key that `ask` gives, which is noted; it is asked again whenever that matters.

        Args:
            source: Who is asked, for messages.

        Raises:
            ConfigError: The key cannot be sent in a header.
            ResilientInferError: As `ask` does.
        """
        try:
            text = (ask() or "").strip()
        except ResilientInferError:
            self._asked.append((ask, None))
            raise
        secret = _checked(text, source) if text else None
        self._asked.append((ask, secret))
        return secret

    def unchanged(self) -> bool:
        """Whether all of it is still as it was."""
        if self._asked and any(_answer(ask) != secret for ask, secret in self._asked):
            return False
        get = self._environ.get
        for name, value in self._variables.items():
            if get(name) != value:
                return False
        return not self._files or all(_stamp(path) == stamp for path, stamp in self._files.items())


def _answer(ask: Callable[[], str | None]) -> Secret | None:
    """What is said now; an error is no answer."""
    try:
        text = (ask() or "").strip()
    except ResilientInferError:
        return None
    return Secret(text) if text else None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written or replaced; None while there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_key(variable: str, environ: Mapping[str, str]) -> Secret | None:
    """The key that `variable` names, without the white space around it; None if there is none.

    Raises:
        ConfigError: The key cannot be sent in a header. Its text is not shown.
    """
    names = HUB_VARIABLES if variable in HUB_VARIABLES else (variable,)
    for name in names:
        text = environ.get(name, "").strip()
        if text:
            return _checked(text, f"the environment variable {name}")
    if variable not in HUB_VARIABLES:
        return None
    path = hub_token_file(environ)
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return _checked(text, str(path)) if text else None


def hub_token_file(environ: Mapping[str, str]) -> Path:
    """Where `hf auth login` puts the token of the Hub."""
    if named := environ.get("HF_TOKEN_PATH"):
        return Path(named).expanduser()
    cache = environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = environ.get("HF_HOME") or f"{cache}/huggingface"
    return Path(home).expanduser() / "token"


def _checked(text: str, source: str) -> Secret:
    try:
        check_header("Authorization", f"Bearer {text}")
    except ConfigError as error:
        what = f"the key in {source} cannot be sent: {error.message}"
        raise ConfigError(what, hint="set it again, without line breaks or stray characters") from None
    return Secret(text)
