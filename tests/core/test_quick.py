"""Quick: what is made in half the time is made the same."""

import copy
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields, replace
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt, AttemptRecord
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Success
from resilient_infer.core.payload import Payload
from resilient_infer.core.quick import quick
from resilient_infer.core.result import Result
from resilient_infer.core.stream import Delta, Part
from resilient_infer.plan.spec import CallSpec

QUICK = (Attempt, AttemptRecord, CallSpec, Delta, HttpRequest, HttpResponse, Part, Payload, Result, Success)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """As `dataclass` makes it."""

    one: object
    two: object = 2
    three: Mapping[str, int] = field(default_factory=dict, repr=False)


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """The same, made quickly."""

    one: object
    two: object = 2
    three: Mapping[str, int] = field(default_factory=dict, repr=False)


def made(cls: type, given: Mapping[str, object]) -> object:
    """Its fields, or the error."""
    try:
        value = cls(**given)
    except TypeError as error:
        return str(error).replace(cls.__name__, "")
    return [getattr(value, each.name) for each in fields(cls)]


@given(given=st.dictionaries(st.sampled_from(("one", "two", "three", "four")), st.none() | st.integers()))
def test_it_takes_the_same_arguments_and_refuses_the_same(given: dict[str, object]) -> None:
    assert made(Quick, given) == made(Plain, given)


def test_what_a_factory_makes_is_made_anew() -> None:
    assert Quick(one=1).three == {}
    assert Quick(one=1).three is not Quick(one=1).three


def test_it_stays_frozen_and_is_compared_copied_and_pickled_as_before() -> None:
    value = Quick(one=1, three={"a": 1})

    with pytest.raises(FrozenInstanceError):
        value.one = 2  # type: ignore[misc]  # that is what is tested
    assert value == replace(Quick(one=2, three={"a": 1}), one=1) != Quick(one=1)
    assert copy.copy(value) == pickle.loads(pickle.dumps(value)) == value
    assert repr(value) == "Quick(one=1, two=2)"


@pytest.mark.parametrize("cls", QUICK, ids=lambda cls: cls.__name__)
def test_its_annotations_are_found_where_it_stands(cls: type) -> None:
    assert get_type_hints(cls.__init__).keys() >= {each.name for each in fields(cls)}  # type: ignore[misc]  # of this very class


def test_a_value_with_more_to_do_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        one: int

        def __post_init__(self) -> None:
            raise ValueError

    @dataclass(frozen=True, slots=True)
    class Unasked:
        one: int = field(init=False, default=1)

    for each in (Checked, Unasked):
        with pytest.raises(TypeError, match="does more"):
            quick(each)


@pytest.mark.parametrize("cls", QUICK, ids=lambda cls: cls.__name__)
def test_every_field_is_a_parameter_by_name_and_optional_where_it_has_a_default(cls: type) -> None:
    parameters = inspect.signature(cls).parameters

    assert list(parameters) == [each.name for each in fields(cls)]
    for each in fields(cls):
        by_name = parameters[each.name].kind is inspect.Parameter.KEYWORD_ONLY
        assert by_name == each.kw_only
        required = each.default is MISSING and each.default_factory is MISSING
        assert (parameters[each.name].default is inspect.Parameter.empty) == required
        if each.default is not MISSING:
            assert parameters[each.name].default is each.default
