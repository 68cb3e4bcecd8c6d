"""Transcript: what the consumer of a stream was shown, and what of a new attempt is news to it.

A second attempt answers from the start. As long as it repeats what was shown,
nothing is shown twice; where it departs, the consumer is told to begin again.
"""

from resilient_infer.core.stream import Delta, Part, Restarted, StreamEvent


class Transcript:
    """One stream as its consumer knows it.

    Attributes:
        begun: Something was shown.
        events: How many events the consumer was given.
        skipped: Chunks of the present attempt that could not be read.
    """

    __slots__ = (
        "_before",
        "_held",
        "_pieces",
        "_place",
        "_reason",
        "_repeats",
        "_route",
        "_wordless",
        "begun",
        "events",
        "skipped",
    )

    def __init__(self) -> None:
        self.begun = False
        self.events = self.skipped = 0
        self._pieces: list[str] = []
        self._before = ""
        self._repeats = self._wordless = False
        self._place = 0
        self._held: list[Part] = []
        self._route = self._reason = ""

    @property
    def text(self) -> str:
        """The text that stands: what a consumer has that obeys each `Restarted`."""
        return "".join(self._pieces)

    def begin(self, route: str, reason: str) -> None:
        """An attempt answers from the start; `reason` is why the one before it did not end."""
        self._route, self._reason = route, reason
        self._repeats, self._before = self.begun, self.text
        self._place = self.skipped = 0
        self._held = []

    def add(self, part: Part) -> list[StreamEvent]:
        """What to show on account of the attempt's next part."""
        if not part.told:
            return []
        if not self._repeats:
            return [self._shown(part)]
        if self._wordless or not part.text:
            return self._restart(part)
        known = self._before[self._place : self._place + len(part.text)]
        if not part.text.startswith(known):
            return self._restart(part)
        self._place += len(known)
        if len(known) == len(part.text):
            self._held.append(part)
            return []
        self._repeats = False  # it repeats to the last letter, and goes on
        return [self._shown(Part(part.text[len(known) :], part.raw))]

    def end(self) -> list[StreamEvent]:
        """The attempt came to its end; if it left out some of what was shown, that is taken back."""
        if self._repeats and (self._wordless or self._place < len(self._before)):
            return self._restart(None)
        return []

    def _restart(self, part: Part | None) -> list[StreamEvent]:
        self._repeats = self._wordless = False
        self._pieces = []
        self.events += 1
        parts = self._held if part is None else [*self._held, part]
        return [Restarted(reason=self._reason, route=self._route), *(self._shown(each) for each in parts)]

    def _shown(self, part: Part) -> Delta:
        self.begun = True
        self.events += 1
        text = part.text
        self._pieces.append(text)
        if not text:  # a tool call, or reasoning: whether another attempt repeats it cannot be told
            self._wordless = True
        return Delta(text=text, raw=part.raw)
