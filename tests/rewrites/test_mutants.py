"""Mutants are what they say: runnable, different, of backward code alone, each with a cause."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from sweep import some_long

from chainrule.foreign.reading.backward_code import backward_code
from chainrule.grading.wrapping import OF_CALLS, OF_OUTPUTS
from chainrule.rewrites.causes import CODES, missing_check
from chainrule.rewrites.mutants import mutants
from tests.doctor.central_differences import subject
from tests.doctor.slips import SPECIMENS
from tests.doctor.test_specimens import SEEN_IN_BEHAVIOUR, example, right

LAYERS = Path(__file__).parents[2] / "src" / "chainrule" / "layers"
FILES = sorted(path.stem for path in SPECIMENS.glob("*.py"))

DENSE = """\
class Dense:
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW = self.x.T @ dy / len(dy)
        self.db = dy.mean(axis=0)
        return dy @ self.W.T
"""


@pytest.mark.parametrize(
    "path",
    some_long(
        [*SPECIMENS.glob("*.py"), *LAYERS.glob("*.py")],  # layers have hundreds of mutants
        lambda path: path.parent == LAYERS and path.stem != "dropout",
    ),
    ids=str,
)
def test_mutants_are_python_of_their_own(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    trees = [ast.dump(ast.parse(mutant.source)) for mutant in mutants(source)]
    assert len({ast.dump(ast.parse(source)), *trees}) == len(trees) + 1


@pytest.mark.parametrize("file", FILES)
def test_mutants_leave_the_forward_pass_as_it_is(file: str) -> None:
    """What differs lies in backward code, or is memory that forward keeps for it."""
    source = right(file)
    changed = [scope.function for scope in backward_code(ast.parse(source))]
    for mutant in mutants(source):
        inside = any(f.lineno <= mutant.line <= (f.end_lineno or 0) for f in changed)
        assert inside or mutant.code == "stale-cache"


def test_every_cause_is_one_that_the_doctor_knows() -> None:
    codes = {mutant.code for file in FILES for mutant in mutants(right(file))}
    assert {*codes, *OF_OUTPUTS, *OF_CALLS} <= CODES.keys()
    assert len(codes) > 15


def test_every_cause_has_a_check_of_its_own_or_the_plain_one() -> None:
    assert missing_check("kernel-flip", "dx").endswith("with a kernel that is not symmetric")
    assert missing_check("missing-gradient", "dx") == "compare dx with central differences"
    assert "every gradient" in missing_check("partial-sum", "all")


@pytest.mark.parametrize(
    "file",
    [
        "batchnorm_steps",
        "dense_given_input",
        "fc_network",
        "maxpool_loops",
        "mlp_rows_l2",
        "softmax_layer",
    ],
)
def test_most_mutants_change_a_gradient_as_central_differences_see_it(file: str) -> None:
    names = set(subject(example(right(file))).gradients)
    found = [m for m in mutants(right(file)) if m.code not in SEEN_IN_BEHAVIOUR]
    wrong = [mutant for mutant in found if is_wrong(mutant.source, names)]
    assert len(wrong) >= 0.9 * len(found)


def is_wrong(source: str, names: set[str]) -> bool:
    """Whether a gradient is not its slope; code that fails has none."""
    try:
        with np.errstate(all="ignore"):
            judged = subject(example(source))
            return not all(judged.agrees(name) for name in names)
    except Exception:
        return True


def expect(source: str, code: str, description: str) -> None:
    found = {(mutant.code, mutant.description) for mutant in mutants(source)}
    assert (code, description) in found, "\n".join(map(str, sorted(found)))


def test_mistakes_of_a_dense_layer() -> None:
    expect(DENSE, "sign", "`dy @ self.W.T` becomes `-(dy @ self.W.T)`")
    expect(DENSE, "batch-scale", "`self.x.T @ dy / len(dy)` becomes `self.x.T @ dy`")
    expect(
        DENSE,
        "batch-scale",
        "`self.x.T @ dy / len(dy)` becomes `(self.x.T @ dy / len(dy)) / len(dy)`",
    )
    expect(DENSE, "batch-scale", "`dy.mean` becomes `dy.sum`")
    expect(DENSE, "wrong-axis", "`0` becomes `1`")
    expect(DENSE, "transposed", "`self.W.T` becomes `self.W`")
    expect(DENSE, "missing-bias-gradient", "`dy.mean(axis=0)` becomes `0 * dy.mean(axis=0)`")
    expect(DENSE, "stale-cache", "`self.x = x` in the first call only")


@pytest.mark.parametrize(
    ("file", "code", "description"),
    [
        ("fc_layer", "stale-weights", "`input_error` is computed after the weights are updated"),
        ("conv_loops", "wrong-stride", "`i * s` becomes `i`"),
        ("conv_loops", "padding-crop", "`p : height - p` becomes `:height - p - p`"),
        (
            "conv_flipped",
            "kernel-flip",
            "`np.flip(self.kernels[d, c])` becomes `self.kernels[d, c]`",
        ),
        ("dropout", "dropout-mask", "`grad_output * self.mask` becomes `grad_output`"),
        ("batchnorm_short", "norm-path", "`centred - slope` becomes `centred`"),
        ("softmax_layer", "softmax-jacobian", "`dprobs - inner` becomes `dprobs`"),
        (
            "mlp_columns",
            "missing-activation-derivative",
            '`dA1 * (params["S1"] > 0)` becomes `dA1`',
        ),
        ("mse_pair", "loss-constant", "`2 * (y_pred - y_true)` becomes `y_pred - y_true`"),
        ("sigmoid_pair", "wrong-activation-derivative", "`1 - s` becomes `1 + s`"),
        (
            "relu_layer",
            "missing-activation-derivative",
            "`output_grad * self.positive` becomes `output_grad`",
        ),
    ],
)
def test_mistakes_by_kind(file: str, code: str, description: str) -> None:
    expect(right(file), code, description)


def test_a_regularizer_left_out() -> None:
    found = [m for m in mutants(right("mlp_rows_l2")) if m.code == "missing-regularizer"]
    assert {m.gradient for m in found} == {"dW1", "dW2", "dW3"}


def test_names_put_together_are_left_whole() -> None:
    source = 'def backward(g, params):\n    return {f"dW{n - 1}": g * 2 for n in params}\n'
    assert all('f"dW{n - 1}"' in mutant.source for mutant in mutants(source))


def test_what_forward_calls_too_is_left_alone() -> None:
    source = right("conv_flipped")
    assert "correlate" not in {mutant.function for mutant in mutants(source)}
    assert "col2im" in {mutant.function for mutant in mutants(right("conv_im2col"))}
    assert "im2col" not in {mutant.function for mutant in mutants(right("conv_im2col"))}
