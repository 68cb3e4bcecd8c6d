"""Payload: what stands on the command line, in a file or on stdin, as `call` takes it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, cast

import click

from resilient_infer.core.payload import PayloadInput
from resilient_infer.core.task import Json
from resilient_infer.errors import PayloadRefused

MAX_BYTES: Final = 64 * 1024 * 1024
"""As much as is read of an answer by default; more is a slip, or /dev/zero."""

_AS_TEXT: Final = "correct it, or say --text to send it as plain text"


def read_payload(argument: str | None, *, as_text: bool) -> PayloadInput:
    """The payload that the user means.

    Text that begins like a JSON object, array or string is read as JSON, and so is a file named
    `*.json`; anything else is plain text, also `42` and `true`, which are no payloads.

    Args:
        argument: PAYLOAD as typed: the payload itself, "@file", "-" for stdin; None: stdin, if it is no
            terminal.
        as_text: Take it as plain text, whatever it looks like.

    Raises:
        PayloadRefused: It cannot be read, is not UTF-8, or is broken JSON.
        click.UsageError: None is given.
    """
    if argument is None or (argument == "-" and not as_text):
        return _meant(_piped_text(required=argument is not None), "standard input", as_text=as_text)
    if argument.startswith("@") and not as_text:
        return _from_file(_name_after_at(argument))
    return _meant(argument, "PAYLOAD", as_text=as_text)


def read_file(argument: str | None, task: str, *, as_text: bool) -> Path | bytes:
    """The file that the user means, for a task that takes one: its path, or the bytes of stdin.

    Args:
        argument: As for `read_payload`.
        task: For messages.

    Raises:
        PayloadRefused: It is no file, or stdin cannot be read.
        click.UsageError: None is given.
    """
    if as_text:
        raise click.UsageError(f"--text is for text, and {task} takes a file")
    if argument is None or argument == "-":
        return _standard_input(required=argument is not None)
    if not argument.startswith("@"):
        _refuse(f"{task} takes a file, and PAYLOAD is text", _file_hint(argument))
    return Path(_name_after_at(argument))


def _file_hint(argument: str) -> str:
    if argument.lower().startswith(("http://", "https://")):
        return "fetch it first, and pipe it in: curl … | resilient-infer call … -"
    is_name = 0 < len(argument) <= 255 and argument.isprintable() and not set(argument) & set(' {["')
    return f"write @{argument}" if is_name else "write @ and the file's name, as in @picture.png"


def _standard_input(*, required: bool) -> bytes:
    stdin = sys.stdin
    if stdin is None or (not required and stdin.isatty()):
        raise click.UsageError("no payload; give PAYLOAD, @file or -")
    try:
        body = _limited(stdin.buffer, "standard input")
    except OSError as error:  # a folder, say
        _refuse(f"standard input cannot be read: {error.strerror}", "give PAYLOAD or @file")
    if not body:
        raise click.UsageError("no payload; standard input is empty")
    return body


def _piped_text(*, required: bool) -> str:
    text = _decoded(_standard_input(required=required), "standard input")
    if not text:
        raise click.UsageError("no payload; standard input is empty")
    return text


def _name_after_at(argument: str) -> str:
    name = argument[1:]
    if not name:
        raise click.UsageError("@ is followed by the name of a file; to send it as text say --text")
    return name


def _from_file(name: str) -> PayloadInput:
    try:
        with open(name, "rb") as file:
            body = _limited(file, name)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        _refuse(f"{name} cannot be read: {why}", "to send text that begins with @, say --text")
    strict = Path(name).suffix.lower() == ".json"
    return _meant(_decoded(body, name), name, as_text=False, strict=strict)


def _limited(file: BinaryIO, name: str) -> bytes:
    body = file.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        _refuse(f"{name} is larger than {MAX_BYTES >> 20} MiB", "send it in parts")
    return body


def _decoded(body: bytes, name: str) -> str:
    """UTF-8, with or without a byte order mark; the newline that ends a text file is no part of the text."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _refuse(f"{name} is not UTF-8: byte {error.start + 1} is 0x{body[error.start]:02x}", "convert it")
    return text.removesuffix("\n").removesuffix("\r")


def _meant(text: str, name: str, *, as_text: bool, strict: bool = False) -> PayloadInput:
    start = text.lstrip()[:1]
    if as_text or not (strict or start in ("{", "[", '"')):
        return text
    try:
        value: Json = json.loads(text)
    except json.JSONDecodeError as error:
        if start == '"' and not strict:
            return text  # a sentence that begins with a quotation
        _refuse(f"{name} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}", _AS_TEXT)
    except ValueError:
        _refuse(f"{name} is not JSON that can be sent: a number is too long", _AS_TEXT)
    except RecursionError:
        _refuse(f"{name} is not JSON that can be sent: it is nested too deeply", _AS_TEXT)
    if not isinstance(value, str | list | Mapping):
        _refuse(f"{name} is no payload: it holds {json.dumps(value)}", 'pass {"inputs": …} or a string')
    return cast("PayloadInput", value)  # what the lists hold is for `call` to judge


def _refuse(what: str, hint: str) -> NoReturn:
    raise PayloadRefused(what, hint=hint)
