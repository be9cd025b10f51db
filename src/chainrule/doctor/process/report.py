"""A diagnosis as a message between processes, read with distrust: the code under examination can
write into it whatever it likes."""

from __future__ import annotations

from typing import Any, TypeVar

from chainrule.doctor.findings import Comparison, Diagnosis, Finding
from chainrule.rewrites.causes import CODES
from chainrule.sandbox.messages import Message, MessageError

T = TypeVar("T")

LONGEST = 4_000  # characters of a text
MOST = 2_000  # of anything


def packed(diagnosis: Diagnosis, with_arrays: bool) -> Message:
    """The message; with the gradients that are wrong if asked."""
    body = {
        "subject": diagnosis.subject,
        "findings": [finding.as_json() for finding in diagnosis.findings],
        "notes": diagnosis.notes,
        "unchecked": diagnosis.unchecked,
        "comparisons": [[each.name, bool(each.right)] for each in diagnosis.comparisons],
    }
    arrays = {
        f"{number}:{which}": array
        for number, each in enumerate(diagnosis.comparisons)
        for which, array in (("given", each.given), ("true", each.true))
        if with_arrays and not each.right and array is not None
    }
    return Message(body, arrays)


def unpacked(message: Message) -> Diagnosis:
    """The diagnosis.

    Raises:
        MessageError: it is none.
    """
    body = message.body
    comparisons = [
        Comparison(
            _text(_of(pair, list)[0]),
            _of(pair[1], bool),
            message.arrays.get(f"{number}:given"),
            message.arrays.get(f"{number}:true"),
        )
        for number, pair in enumerate(_list(body, "comparisons"))
        if len(_of(pair, list)) == 2
    ]
    return Diagnosis(
        _text(body.get("subject")),
        [_finding(_of(each, dict)) for each in _list(body, "findings")],
        [_text(each) for each in _list(body, "notes")],
        comparisons,
        [_text(each) for each in _list(body, "unchecked")],
    )


def _finding(given: dict[str, Any]) -> Finding:
    code, line, cell = (given.get(name) for name in ("code", "line", "cell"))
    if code not in CODES or not all(each is None or type(each) is int for each in (line, cell)):
        raise MessageError(f"a finding with the code {code!r} in cell {cell!r}, line {line!r}")
    return Finding(
        _text(given.get("gradient")),
        str(code),
        _of(given.get("certain"), bool),
        _text(given.get("evidence")),
        line,
        _text(given.get("suggestion")),
        cell,
        None if given.get("file") is None else _text(given["file"]),
        _of(given.get("raises", False), bool),
    )


def _list(body: dict[str, Any], name: str) -> list[Any]:
    return _of(body.get(name), list)[:MOST]


def _text(value: Any) -> str:
    return _of(value, str)[:LONGEST]


def _of(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise MessageError(f"a {type(value).__name__} in the place of a {kind.__name__}")
    return value
