"""A sandbox for each test, closed behind it."""

from collections.abc import Iterator

import pytest

from resilient_infer.testing.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made
