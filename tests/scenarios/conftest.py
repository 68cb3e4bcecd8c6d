"""Every story is played by every driver."""

import pytest

from tests.scenarios.stage import DRIVERS, Play


@pytest.fixture(params=sorted(DRIVERS))
def play(request: pytest.FixtureRequest) -> Play:
    """One of the drivers."""
    return DRIVERS[request.param]
