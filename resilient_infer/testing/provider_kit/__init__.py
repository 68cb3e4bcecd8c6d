"""What every codec has to keep, as tests for the authors of providers; ours pass the same.

    import pytest
    from resilient_infer.testing.provider_kit import Golden, promises

    GOLDENS = [
        Golden(
            task="text-classification",
            payload={"inputs": "I love it"},
            path="/answer",
            body={"model": "org/model", "ask": "I love it"},
            answer={"marks": {"POSITIVE": 0.9, "NEGATIVE": 0.1}},
            output=[{"label": "POSITIVE", "score": 0.9}, {"label": "NEGATIVE", "score": 0.1}],
        )
    ]

    @pytest.mark.parametrize("promise", promises(Acme(), GOLDENS), ids=str)
    def test_acme_keeps(promise):
        promise()

`check(Acme(), GOLDENS)` does all of it at once, without pytest. A promise that is
broken raises one AssertionError, which says what was given and what came of it.
It needs hypothesis: `pip install resilient-infer[test]`.
"""

from resilient_infer.testing.provider_kit.goldens import REVISION, Golden, Report
from resilient_infer.testing.provider_kit.outputs import is_output
from resilient_infer.testing.provider_kit.promises import Promise, check, promises

__all__ = ["REVISION", "Golden", "Promise", "Report", "check", "is_output", "promises"]
