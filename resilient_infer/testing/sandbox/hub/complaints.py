"""Complaints: errors with the status, the headers and the words of the real Hub.

huggingface_hub tells errors apart by `X-Error-Code`, else by
`X-Error-Message`. Sources: its `hf_raise_for_status`; answers of
huggingface.co quoted in issues of huggingface_hub, transformers and others.
"""

from dataclasses import replace

from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

_ASK_FOR_A_TOKEN = (("WWW-Authenticate", 'Bearer realm="Authentication required", charset="UTF-8"'),)


def complaint(status: int, message: str, code: str = "") -> Reply:
    """An error; without a code it is one that the client knows by its message or its status."""
    headers = (("X-Error-Code", code),) if code else ()
    said = message or phrase(status)
    return answered({"error": said}, status, (*headers, ("X-Error-Message", _one_line(said))))


def plain(error: Reply, message: str) -> Reply:
    """The same error as a download tells it: as text."""
    return replace(error, body=message.encode(), media_type="text/plain; charset=utf-8")


def bad_token() -> Reply:
    """A token nobody has, whatever was asked for."""
    return _unauthorized("Invalid credentials in Authorization header")


def no_token() -> Reply:
    """Something that is only told to somebody."""
    return _unauthorized("Invalid username or password.")


def no_repo(*, known: bool) -> Reply:
    """No such repo, or a private one: the Hub does not say which.

    Args:
        known: The request carries a token. Without one the Hub answers 401, and the client takes that
            for a missing repo on https only; so here the code says so, or tests over http would differ.
    """
    if known:
        return complaint(404, "Repository not found", "RepoNotFound")
    refused = no_token()
    return replace(refused, headers=(("X-Error-Code", "RepoNotFound"), *refused.headers))


def no_revision(revision: str) -> Reply:
    """No such branch, tag or commit."""
    return complaint(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def no_entry(message: str = "Entry not found") -> Reply:
    """No such file in this revision, or its content is gone."""
    return complaint(404, message, "EntryNotFound")


def gated(name: str, *, known: bool) -> Reply:
    """A gated repo, and no access."""
    if known:
        advice = f"you are not in the authorized list. Visit https://huggingface.co/{name} to ask for access."
        return complaint(403, f"Access to model {name} is restricted and {advice}", "GatedRepo")
    advice = "You must have access to it and be authenticated to access it. Please log in."
    return complaint(401, f"Access to model {name} is restricted. {advice}", "GatedRepo")


def disabled() -> Reply:
    """A repo that the Hub's moderators have blocked; the client knows it by the message."""
    return complaint(403, "Access to this resource is disabled.")


def _unauthorized(message: str) -> Reply:
    refused = complaint(401, message)
    return replace(refused, headers=(*refused.headers, *_ASK_FOR_A_TOKEN))


def _one_line(text: str) -> str:
    return " ".join(text.split())
