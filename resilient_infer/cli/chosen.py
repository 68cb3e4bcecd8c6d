"""Chosen: the aliases that a command line names."""

from collections.abc import Collection, Sequence

from resilient_infer.errors import ConfigError
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.offline import own_aliases
from resilient_infer.lock.problems import meant, quote


def chosen(names: Sequence[str], manifests: Sequence[Manifest]) -> frozenset[str] | None:
    """The aliases that were named, each in the lock of one of these environments; None: none was, so all.

    Raises:
        ConfigError: There is no such alias, or its pins are in the lock of another environment.
    """
    if not names:
        return None
    held = {name for manifest in manifests for name in own_aliases(manifest)}
    for name in names:
        if name not in held:
            raise _unknown(name, manifests[0], held)
    return frozenset(names)


def _unknown(name: str, manifest: Manifest, held: Collection[str]) -> ConfigError:
    if name in manifest.aliases:
        environment = quote(manifest.environment or "")
        what = f"environment {environment} does not replace {name}, so its lock has no pin of it"
        return ConfigError(what, hint="leave out --env: the default lock has it")
    what = f"{quote(name)} is no alias in {manifest.file}{meant(name, held)}"
    return ConfigError(what, hint="mend the name, or add it under models")
