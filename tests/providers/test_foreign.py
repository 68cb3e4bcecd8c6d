"""foreign: what the OpenAI protocol has no words for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.providers.base import Unfit
from resilient_infer.providers.foreign import FOREIGN, native
from resilient_infer.providers.known import KNOWN


@given(st.sampled_from(sorted(FOREIGN)), st.data())
def test_parameters_pass_whole_or_not_at_all(task, data):
    """None is dropped without a word, and the words name each that is in the way."""
    names = sorted(KNOWN[task] | FOREIGN[task] | {"an_extension"})
    given_ = data.draw(st.dictionaries(st.sampled_from(names), st.integers(), max_size=4))
    foreign = FOREIGN[task] & given_.keys()
    if not foreign:
        assert native(task, given_) == given_
        return
    with pytest.raises(Unfit) as unfit:
        native(task, given_)
    assert all(name in str(unfit.value) for name in foreign)


@pytest.mark.parametrize(
    ("task", "name", "fits"),
    [
        ("chat", "temperature", True),
        ("chat", "tools", True),
        ("chat", "guided_json", True),
        ("chat", "watermark", False),
        ("chat", "do_sample", False),
        ("chat", "num_beams", False),
        ("text-generation", "max_tokens", True),
        ("text-generation", "top_k", True),
        ("text-generation", "suffix", True),
        ("text-generation", "tools", False),
        ("text-generation", "response_format", False),
        ("text-generation", "do_sample", False),
        ("feature-extraction", "dimensions", True),
        ("feature-extraction", "encoding_format", True),
        ("feature-extraction", "user", True),
        ("feature-extraction", "truncate", False),
        ("feature-extraction", "truncation_direction", False),
        ("feature-extraction", "prompt_name", False),
        ("feature-extraction", "temperature", False),
    ],
)
def test_each_task_has_its_own(task, name, fits):
    """Extensions pass, since some servers have them; Hugging Face's own names do not."""
    assert (name not in FOREIGN[task]) is fits
