"""Leave: the consumer of a stream goes before its end, perhaps while another thread waits for it."""

from collections.abc import Callable


class Leave:
    """Taken once, from any thread; wakes what waits at that moment.

    Attributes:
        taken: The consumer has gone.
    """

    __slots__ = ("_wakes", "taken")

    def __init__(self) -> None:
        self.taken = False
        self._wakes: list[Callable[[], None]] = []

    def notify(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread and perhaps twice, once the leave is taken."""
        self._wakes.append(wake)
        if self.taken:
            wake()

    def take(self) -> None:
        """Go, and wake everyone."""
        self.taken = True
        for wake in tuple(self._wakes):
            wake()
