"""The corrections of the catalogue, for one function that has run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from chainrule.rewrites.catalogue import CATALOGUE
from chainrule.rewrites.edits import Edit
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.scope import Scope

FAMILIES = tuple(dict.fromkeys(rule.family for rule in CATALOGUE if rule.correction))


def candidates(family: str, source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Edits that may make wrong gradients right, place by place.

    Args:
        ratios: of wrong gradients to true ones, where they are the same for every entry.
    """
    scope = Scope(source, ratios)
    members = [rule for rule in CATALOGUE if rule.correction and rule.family == family]
    for at, rules in groupby(members, lambda rule: rule.at):
        together = list(rules)
        for place in at(source):
            for rule in together:
                for edit in rule.correction(place, scope) if rule.correction else ():
                    sort = edit.sort or rule.sort or rule.family
                    yield replace(edit, sort=sort, cause=rule.cause)
