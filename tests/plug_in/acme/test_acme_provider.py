"""The provider keeps what every codec has to keep."""

import pytest
from acme_provider import Acme

from resilient_infer.core.testimony import Limits
from resilient_infer.testing.provider_kit import REVISION, Golden, Report, promises

GOLDENS = [
    Golden(
        task="text-classification",
        payload={"inputs": "I love it"},
        path="/answer",
        body={"model": "org/model", "ask": "I love it"},
        answer={"marks": {"NEGATIVE": 0.1, "POSITIVE": 0.9}, "commit": REVISION},
        output=[{"label": "POSITIVE", "score": 0.9}, {"label": "NEGATIVE", "score": 0.1}],
    )
]
REPORTS = [
    Report(body={"commit": REVISION, "batch": 1}, commit=REVISION, limits=Limits(inputs=1)),
    Report(body={"commit": "main"}, commit=None),
]


@pytest.mark.parametrize("promise", promises(Acme(), GOLDENS, REPORTS), ids=str)
def test_acme_keeps(promise):
    promise()
