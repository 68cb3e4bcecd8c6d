"""FastAPI: what Python servers of this framework say where they have no words of their own."""

from resilient_infer.testing.sandbox.wire import Reply, answered, phrase

HEALTHY = Reply()
"""`GET /health`: 200 and nothing more."""


def detail(status: int, message: str = "") -> Reply:
    """{"detail": …}, as for a path or method that is not there."""
    return answered({"detail": message or phrase(status)}, status)


def unauthorized() -> Reply:
    """401 of vLLM and SGLang, whose key is checked before FastAPI is reached."""
    return answered({"error": "Unauthorized"}, 401)


def crashed() -> Reply:
    """500 of an exception that nobody caught."""
    return Reply(status=500, body=b"Internal Server Error", media_type="text/plain; charset=utf-8")
