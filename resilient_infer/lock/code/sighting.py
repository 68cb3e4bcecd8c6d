"""Sighting: a model seen in code, where and how; and what was seen that says no model."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Spot:
    """A line of a file; the path as people would write it, below the folder that was read."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that the code asks.

    Attributes:
        kind: The protocol, as in the manifest.
        url: Base URL; None: the kind's own, or `url_env`.
        url_env: The variable that holds it.
        key_env: The variable read for the key; None: the kind's own, or none.
    """

    kind: str
    url: str | None = None
    url_env: str | None = None
    key_env: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A model that the code uses.

    Attributes:
        how: What names it there, for example "AutoModel.from_pretrained".
        model: A repo of the Hub; None: only the server knows it, by `name`.
        ref: Branch, tag or commit; None: not said.
        task: A task of `TASKS`; None: not said.
        server: Who is asked; None: nobody, the model is loaded.
        name: The server's name for it; None: the repo.
    """

    spot: Spot
    how: str
    model: str | None
    ref: str | None = None
    task: str | None = None
    server: Server | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTold:
    """A place that uses a model and does not say which."""

    spot: Spot
    how: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file or folder that could not be read."""

    file: str
    why: str


@dataclass(slots=True, kw_only=True)
class Reading:
    """What one file came to, or many.

    Attributes:
        keys: Variables read as the Hub's key, and where.
        tokens: Lines in which an access token is written out.
    """

    sightings: list[Sighting] = field(default_factory=list)
    not_told: list[NotTold] = field(default_factory=list)
    keys: list[tuple[str, Spot]] = field(default_factory=list)
    tokens: list[Spot] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def add(self, other: "Reading") -> None:
        """Take in what another reading came to."""
        self.sightings += other.sightings
        self.not_told += other.not_told
        self.keys += other.keys
        self.tokens += other.tokens
        self.unread += other.unread
