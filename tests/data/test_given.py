"""Arrays of every kind, series and frames, as users pass them to `fit` and `predict`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pytest
import scipy.sparse

import chainrule as cr
from chainrule.data.given import as_array
from chainrule.errors import DataError

X = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
Y = np.arange(100) % 3


def trained(x: Any, y: Any, engine: str = "auto", **options: Any) -> np.ndarray:
    """What a network learns from it."""
    network = cr.Network([cr.Dense(3)], 2, engine=engine)
    network.fit(x, y, epochs=2, quiet=True, **options)
    return network.parameters.flat.copy()


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("validation", [None, 0.2, 7])
def test_arrays_on_disk_train_like_those_in_memory(
    tmp_path: Path, validation: float | None, engine: str
) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    expected = trained(X, Y, engine, validation=validation)
    assert np.array_equal(trained(x, y, engine, validation=validation), expected)


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X.astype(">f4"), Y.astype(">i8")),
        (X.astype(np.float64).astype("=f8"), Y.astype(np.uint8)),
        (np.asfortranarray(X), Y[::1]),
        (np.ma.masked_invalid(X), np.ma.array(Y)),
        (X.tolist(), Y.tolist()),
    ],
)
def test_the_same_numbers_in_another_array(x: Any, y: Any, engine: str) -> None:
    assert np.array_equal(
        trained(x, y, engine, validation=0.2), trained(X, Y, engine, validation=0.2)
    )


def test_half_precision(tmp_path: Path) -> None:
    half = X.astype(np.float16)
    expected = trained(half.astype(np.float32), Y)
    assert np.array_equal(trained(half, Y), expected)
    np.save(tmp_path / "x.npy", half.astype(">f2"))
    assert np.array_equal(trained(np.load(tmp_path / "x.npy", mmap_mode="r"), Y), expected)


def test_series_and_frames_are_taken_by_position() -> None:
    order = np.random.default_rng(1).permutation(100)
    frame = pandas.DataFrame(X, columns=["a", "b"], index=order)
    labels = pandas.Series(Y, index=order[::-1])
    expected = trained(X, Y, validation=0.2)
    assert np.array_equal(trained(frame, labels, validation=0.2), expected)
    assert np.array_equal(trained(X, labels, validation=(frame, labels)), trained(X, Y))
    network = cr.Network([cr.Dense(3)], 2)
    assert np.array_equal(network.predict(frame), network.predict(X))
    loss = "softmax_cross_entropy"
    assert network.evaluate(frame, labels, loss) == network.evaluate(X, Y, loss)


def test_polars() -> None:
    frame, labels = polars.DataFrame(X, schema=["a", "b"]), polars.Series(Y)
    assert np.array_equal(trained(frame, labels, validation=0.2), trained(X, Y, validation=0.2))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (scipy.sparse.csr_matrix(np.eye(3)), r"x is a sparse matrix \(csr_matrix\).*x.toarray\(\)"),
        (scipy.sparse.coo_array(np.eye(3)), r"x is a sparse matrix \(coo_array\)"),
        (np.ma.masked_less(X, 0), r"x has \d+ masked values: fill them in"),
        (["cat", "dog"], "x holds text .*'cat'.*np.unique"),
        (np.array([None, 1.0]), "x holds text or Python objects"),
        (np.array([1.0, 2], dtype=object), r"x holds .* where all are numbers, give .\.astype"),
        (np.array([1, 2j]), r"x holds complex numbers, .*np\.abs"),
    ],
)
def test_what_is_refused(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_array(given, "x")
    with pytest.raises(DataError, match=message.replace("x ", "y ", 1).replace("x.to", "y.to")):
        as_array(given, "y")


def test_a_frame_with_text_is_refused_by_its_column() -> None:
    frame = pandas.DataFrame({"size": [1.0, 2.0], "kind": ["a", "b"]})
    with pytest.raises(DataError, match="x, column `kind` holds text"):
        trained(frame, Y[:2])


def test_raw_rows_for_standardized_columns_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [f"{18 + n % 50},{1000 + 37 * (n % 91)},{n % 2}" for n in range(100)]
    (tmp_path / "table.csv").write_text("\n".join(["age,income,label", *rows]))
    data = cr.datasets.load(tmp_path / "table.csv")
    network = cr.Network([cr.Dense(2)], 2)
    network.preparation = data.preparation
    network.fit(data.x_train, data.y_train, epochs=1, quiet=True)
    raw = np.array([[float(cell) for cell in row.split(",")[:2]] for row in rows])
    caplog.set_level(logging.WARNING, "chainrule")
    network.predict(data.x_train)
    network.predict(data.preparation.apply(raw))
    assert not caplog.records
    network.predict(raw[:1])
    assert "as they stand in a table" in caplog.text
