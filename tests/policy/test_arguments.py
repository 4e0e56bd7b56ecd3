"""`key=value` arguments, by the types of the defaults."""

from dataclasses import dataclass

import pytest

from policy.arguments import parse, usage


@dataclass(frozen=True)
class Options:
    name: str = "a"
    count: int = 3
    length: float = 0.5


def test_values_have_the_types_of_the_defaults():
    assert parse([], "m", Options) == Options()
    assert parse(["count=12", "name=x=y"], "m", Options) == Options("x=y", 12)
    assert parse(["length=2"], "m", Options).length == 2.0


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("nam=x", "'nam=x' is no option; did you mean 'name='. expected python -m m"),
        ("count", "'count' is no option"),
        ("count=few", "count=few; expected a whole number"),
        ("length=long", "length=long; expected a number"),
    ],
)
def test_a_mistake_is_told_with_what_is_expected(argument, said):
    with pytest.raises(ValueError, match=said):
        parse([argument], "m", Options)


def test_the_usage_names_every_option():
    assert usage("m", Options) == "python -m m [name=a] [count=3] [length=0.5]"
