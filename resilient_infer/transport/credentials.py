"""Credentials: where a token comes from. Read from the environment at call time, never from a config file.

`HF_TOKEN` means the token of the Hub, which is looked for in the same places
and order as huggingface_hub does; its own lookup is not used on the way of a
call, because importing it costs 150 ms.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from resilient_infer.core.secret import Secret
from resilient_infer.errors import ConfigError
from resilient_infer.transport.headers import check_header

HUB_VARIABLES: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


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
