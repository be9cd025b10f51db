from __future__ import annotations

import numpy as np
import pytest

from chainrule.data.tables.labels import class_numbers, regression_targets
from chainrule.errors import DataError


@pytest.mark.parametrize("number_type", ["uint8", "int64", "float64", "bool"])
def test_whole_numbers_are_class_numbers(number_type: str) -> None:
    y = class_numbers(np.array([0, 1, 1], number_type), "here")
    assert y.dtype == np.int64
    assert y.tolist() == [0, 1, 1]


def test_a_column_of_labels_is_flattened() -> None:
    assert class_numbers(np.array([[0], [1]]), "here").tolist() == [0, 1]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.0, np.nan], "label of example 1 is nan; labels must be finite"),
        ([0.0, np.inf], "label of example 1 is inf; labels must be finite"),
        ([0.0, 0.5], "label of example 1 is 0.5; classes are whole .* choose a loss"),
        ([0, -1], "label of example 1 is -1; classes are numbered from 0"),
        ([0, 2], "label of example 1 is 2; there are only 2 examples"),
        ([[1, 0], [0, 1]], r"labels have shape \(2, 2\), .*argmax"),
        (1, r"labels have shape \(\)"),
    ],
)
def test_bad_labels(y: object, message: str) -> None:
    with pytest.raises(DataError, match=f"here: the {message}"):
        class_numbers(np.array(y), "here")


def test_labels_outside_known_classes() -> None:
    assert class_numbers(np.array([7]), "here", tuple("abcdefgh")).tolist() == [7]
    with pytest.raises(DataError, match="label of example 0 is 8; there are 8 classes, 0 to 7"):
        class_numbers(np.array([8]), "here", tuple("abcdefgh"))


def test_regression_targets_are_columns() -> None:
    assert regression_targets(np.array([1, 2]), "here").tolist() == [[1], [2]]
    assert regression_targets(np.zeros((2, 3)), "here").shape == (2, 3)
    with pytest.raises(DataError, match=r"label of example 1 is 1e\+300; targets must be finite"):
        regression_targets(np.array([0, 1e300]), "here")
