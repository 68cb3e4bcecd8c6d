"""Read configs: the small files of a repo at a commit, asked for one by one."""

from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubModel
from resilient_infer.lock.configs import wanted

MOST_CONFIG: Final = 4 * 1024 * 1024
"""Bytes; a config file that is larger is not asked for."""


def read_configs(hub: Hub, model: str, told: HubModel) -> dict[str, bytes] | HubFault:
    """Their content by path, or why one of them could not be read."""
    paths = frozenset(file.path for file in told.files if (file.size or 0) <= MOST_CONFIG)
    contents: dict[str, bytes] = {}
    while further := wanted(paths, contents):
        for path in further:
            content = hub.read(model, told.commit, path)
            if isinstance(content, HubFault):
                return content
            contents[path] = content
    return contents
