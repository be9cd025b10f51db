"""The catalogue: each rule stands once, says what it stands for, and can be tried."""

from __future__ import annotations

import re

import pytest

from chainrule.rewrites.catalogue import CATALOGUE, FIRST_FOR
from chainrule.rewrites.causes import CODES
from chainrule.rewrites.corrections import FAMILIES
from chainrule.rewrites.rules import Rule


def functions(rule: Rule) -> list[object]:
    return [each for each in (rule.correction, rule.mistake) if each is not None]


@pytest.mark.parametrize("rule", CATALOGUE, ids=lambda rule: f"{rule.cause} {rule.direction}")
def test_a_rule_goes_one_way_or_both_and_has_a_known_cause(rule: Rule) -> None:
    assert functions(rule)
    assert rule.cause in CODES
    assert bool(rule.family) == (rule.correction is not None)


def test_no_rule_stands_twice() -> None:
    every = [function for rule in CATALOGUE for function in functions(rule)]
    assert len(set(every)) == len(every)


def test_what_is_tried_first_is_there() -> None:
    assert FIRST_FOR.keys() <= CODES.keys()
    assert {family for families in FIRST_FOR.values() for family in families} <= set(FAMILIES)


def test_a_cause_says_one_thing_which_the_evidence_makes_exact() -> None:
    listing = [code for code, words in CODES.items() if re.search(r", or|twice", words)]
    assert not listing, f"these leave it to the reader which alternative is meant: {listing}"
