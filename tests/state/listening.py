"""A pybreaker listener that remembers, and one that fails."""

import pybreaker

LEGAL = {
    ("closed", "open"),
    ("open", "half-open"),
    ("half-open", "closed"),
    ("half-open", "open"),
}
"""CB1, without what is done by hand."""

BY_HAND = LEGAL | {("open", "closed")}
"""`isolate` opens what is closed or half-open; `restore` closes whatever is not closed."""


class Ear(pybreaker.CircuitBreakerListener):
    """Remembers each transition by the names of its states."""

    def __init__(self):
        self.changes = []

    def state_change(self, cb, old_state, new_state):
        self.changes.append((old_state.name, new_state.name))

    @property
    def state(self):
        """The state by what was heard so far."""
        return self.changes[-1][1] if self.changes else "closed"

    def assert_legal(self, allowed=LEGAL):
        """Every transition is one of the table, and starts where the one before it ended."""
        assert set(self.changes) <= allowed
        ends = ["closed", *(new for _, new in self.changes)]
        assert [old for old, _ in self.changes] == ends[:-1]


class Faulty(pybreaker.CircuitBreakerListener):
    """Raises whatever it hears."""

    def state_change(self, cb, old_state, new_state):
        raise RuntimeError("this listener always fails")
