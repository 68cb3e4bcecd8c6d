"""Table: one gate per route and one per credential, shared by all clients of a process.

A forked child starts with an empty table of its own: what its parent's gates
hold belongs to threads that do not exist there. Whoever has a private table
clears it there.
"""

import os
import random
from collections.abc import Callable
from threading import Lock

from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Route
from resilient_infer.state.attestation import Attestation
from resilient_infer.state.gate import CredentialGate, GateConfig, RouteGate


class GateTable:
    """Gates by route and settings, and by credential, and what servers said; made on first use."""

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self.clear()

    def clear(self) -> None:
        """Forget every gate, and take new locks."""
        self._lock = Lock()
        self._routes: dict[tuple[str, str, str, GateConfig], RouteGate] = {}
        self._credentials: dict[tuple[str, Secret], CredentialGate] = {}
        self._attestations: dict[tuple[str, str, str, str], Attestation] = {}

    def route(self, route: Route, config: GateConfig) -> RouteGate:
        """The gate of a route: the same for the same URL, kind, name and settings."""
        key = (route.endpoint.url, route.endpoint.kind, route.name, config)
        with self._lock:
            gate = self._routes.get(key)
            if gate is None:
                gate = self._routes[key] = RouteGate(str(route), config, jitter=self._jitter)
            return gate

    def attestation(self, route: Route) -> Attestation:
        """What the server of a route said of itself: the same for the same URL, kind and name."""
        endpoint = route.endpoint
        key = (endpoint.url, endpoint.kind, endpoint.identity_url, route.name)
        with self._lock:
            return self._attestations.setdefault(key, Attestation())

    def credential(self, host: str, secret: Secret) -> CredentialGate:
        """The gate of a credential at one host; a changed token is another credential."""
        with self._lock:
            return self._credentials.setdefault((host, secret), CredentialGate())


SHARED = GateTable()
"""The process's own table."""

if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=SHARED.clear)
