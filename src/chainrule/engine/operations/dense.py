"""Dense layers: y = x W + b.

Forward pass and dx are products over a thread's own examples. dW and db are sums over all examples
of a chunk, each thread's for its share of the inputs or outputs, so that no two write to one place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, constant, pointer, share, size_of
from chainrule.engine.codegen.operands import (
    Share,
    context_at,
    count_rows,
    is_operation,
    read,
    share_of,
)
from chainrule.engine.codegen.processor import TILE_VECTORS, VECTOR_BYTES
from chainrule.engine.codegen.products import (
    Result,
    Right,
    multiply,
    plain,
    scratch_for,
    transposed,
)
from chainrule.engine.codegen.transposition import transpose_into_panels
from chainrule.engine.codegen.vector_products import matrix_times_vector, vector_times_matrix
from chainrule.engine.operations.dense_transposed import lower_dense_transposed
from chainrule.engine.program.instructions import Instruction, Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering, rows_and_width
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.parameters import aligned_zeros
from chainrule.types import Array, Shape

LEAST_COLUMNS = 96  # of a thread, where columns are shared out
LEAST_SHARED = 1 << 20  # bytes of weights that threads share out, rather than each read them all
MANY = 1 << 30  # examples of a step, where their number is not known


class Dense(NamedTuple):
    """y = x W + b."""

    x: Tensor
    y: Tensor
    weights: Array
    bias: Array | None
    scratch: Private


class DenseDx(NamedTuple):
    """dx = dy Wᵀ; with Wᵀ in panels where steps have many examples."""

    dy: Tensor
    dx: Tensor
    weights: Array
    panels: Array | None
    scratch: Private


class DenseByColumns(Dense):
    """The same for all examples: each share has some columns of y, so that no two threads read the
    same weights."""


class DenseDxByColumns(DenseDx):
    """The same for all examples: each share has some columns of dx."""


class DenseDw(NamedTuple):
    """dW (+)= xᵀ dy."""

    x: Tensor
    dy: Tensor
    gradient: Array
    inputs: int
    outputs: int
    is_first: bool  # True if nothing was added to the gradient before
    scratch: Private


class DenseDb(NamedTuple):
    """db (+)= Σ_n dy."""

    dy: Tensor
    gradient: Array
    outputs: int
    is_first: bool


class DenseStep(NamedTuple):
    """The gradient of one example and plain SGD, together: W <- W - rate · x dyᵀ."""

    x: Tensor
    dy: Tensor
    weights: Array
    gradient: Array
    inputs: int
    outputs: int
    is_first: bool


class DensePanels(NamedTuple):
    """Wᵀ in panels, see `products.panel_of`, so that a product reads each from beginning to end."""

    weights: Array
    arranged: Array
    inputs: int
    outputs: int


# --- how layers are lowered -----------------------------------------------------------------------


@lowers(layers.Dense)
def lower_dense(to: Lowering, layer: layers.Dense, x: Tensor, shape: Shape) -> Lowered:
    if to.transposed:
        return lower_dense_transposed(to, layer, x)
    bias = layer.b if layer.bias else None
    y = to.output(x, layer.out_features, learns=True)
    room = scratch_for(x.size, y.size, layer.W.itemsize)
    kind = DenseByColumns if by_columns(to, layer.W, y.size) else Dense
    to.forward(kind(x, y, layer.W, bias, room))

    def pull(dy: Tensor) -> Tensor | None:
        inputs, outputs, is_first = *rows_and_width(layer.W), to.begins(layer.dW)
        if to.steps_at_once and layer.regularizer is None:
            to.moved.add(layer.W.ctypes.data)
            step = DenseStep(x, dy, layer.W, layer.dW, inputs, outputs, is_first)
            to.code.move.append(Instruction(step))
        else:
            room = scratch_for(MANY, outputs, layer.W.itemsize, packs_left=True)
            to.shared(DenseDw(x, dy, layer.dW, inputs, outputs, is_first, room))
        if bias is not None:
            to.shared(DenseDb(dy, layer.db, outputs, to.begins(layer.db)))
        if not x.wants_gradient:
            return None
        panels = None if to.small_steps else in_panels(to, layer.W)
        dx = to.output(x, x.size)
        room = scratch_for(outputs, 0, layer.W.itemsize)
        kind = DenseDxByColumns if by_columns(to, layer.W, dx.size) else DenseDx
        to.backward(kind(dy, dx, layer.W, panels, room))
        dy.owned = False  # the sum over examples comes later
        return dx

    return y, pull


def by_columns(to: Lowering, weights: Array, columns: int) -> bool:
    """True if threads had better share out the columns of a product with weights than its rows."""
    is_large = weights.nbytes >= LEAST_SHARED and columns >= LEAST_COLUMNS * to.sharing_threads
    return to.sharing_threads > 1 and is_large


def in_panels(to: Lowering, weights: Array) -> Array:
    """A dense layer's weights in panels, kept up to date."""
    inputs, outputs = rows_and_width(weights)
    lanes = VECTOR_BYTES // weights.itemsize
    panels = aligned_zeros(-(-inputs // lanes) * lanes * outputs, weights.dtype)
    operands = DensePanels(weights, panels, inputs, outputs)
    return to.arrange((id(weights), "panels"), panels, operands)


# --- kernels --------------------------------------------------------------------------------------


@handles(DenseByColumns, DenseDxByColumns, blocked=False, takes_all=True)
@handles(Dense, DenseDx, DenseDw, DenseDb, blocked=False)
def dense(task: Task, like: Any) -> None:
    """A dense layer forward, back, and its gradients: all share the code of one product."""
    if is_operation(task, Dense):
        go_forward(task, 0, read(task, Dense).y.size, like)
    elif is_operation(task, DenseByColumns):
        begin, end = columns_of(task, read(task, Dense).y.size, size_of(like))
        go_forward(task, begin, end, like)
    elif is_operation(task, DenseDx):
        go_back(task, 0, read(task, DenseDx).dx.size, like)
    elif is_operation(task, DenseDxByColumns):
        begin, end = columns_of(task, read(task, DenseDx).dx.size, size_of(like))
        go_back(task, begin, end, like)
    elif is_operation(task, DenseDw):
        add_weight_gradient(task, like)
    else:
        add_bias_gradient(task, like)


@kernel
def columns_of(task: Task, columns: int, item: int) -> Any:
    """The columns [begin, end) of this share: whole panels, see `products.panel_of`."""
    width, threads = TILE_VECTORS * VECTOR_BYTES // item, context_at(task.context).threads
    begin, end = share(columns // width, task.share, threads)
    return begin * width, columns if task.share == threads - 1 else end * width


@kernel
def go_forward(task: Task, begin: int, end: int, like: Any) -> None:
    """y = x W + b, of y the columns [begin, end)."""
    operands: Any = read(task, Dense)
    x, y, rows, item = operands.x, operands.y, count_rows(task), size_of(like)
    weights, bias = operands.weights, operands.bias
    if rows == 1 and end - begin == y.size:
        vector_times_matrix(x.address, weights, y.address, bias, x.size, y.size, like)
    else:
        row, first = y.size * item, begin * item
        multiply(
            plain(x.address, x.size * item, x.size, item),
            Right(weights + first, row, 0),
            Result(y.address + first, row, bias + first if bias else 0, 0, rows, end - begin),
            operands.scratch,
            like,
        )


@kernel
def go_back(task: Task, begin: int, end: int, like: Any) -> None:
    """dx = dy Wᵀ, of dx the columns [begin, end)."""
    operands: Any = read(task, DenseDx)
    dy, dx, rows, item = operands.dy, operands.dx, count_rows(task), size_of(like)
    dy_row, dx_row = dy.size * item, dx.size * item
    if operands.panels:
        multiply(
            plain(dy.address, dy_row, dy.size, item),
            Right(operands.panels + begin * dy_row, 0, 1),
            Result(dx.address + begin * item, dx_row, 0, 0, rows, end - begin),
            operands.scratch,
            like,
        )
    else:
        weights = pointer(operands.weights, like)
        for row in range(rows):
            dy_of_row = pointer(dy.address + row * dy_row, like)
            dx_of_row = pointer(dx.address + row * dx_row, like)
            matrix_times_vector(weights, dy_of_row, dx_of_row, dx.size, dy.size, like)


@kernel
def add_weight_gradient(task: Task, like: Any) -> None:
    """dW (+)= xᵀ dy, for this thread's share of the inputs."""
    operands: Any = read(task, DenseDw)
    part, rows = share_of(task, operands.inputs, operands.outputs), count_rows(task)
    x, dy, item, row = operands.x, operands.dy, size_of(like), part.width * size_of(like)
    gradient = operands.gradient + part.begin * row
    begins = task.begins and operands.is_first
    if rows > 1:
        start = 0 if begins else gradient
        multiply(
            transposed(x.address + part.begin * item, operands.inputs * item, rows),
            Right(dy.address, row, 0),
            Result(gradient, row, start, row, part.end - part.begin, part.width),
            operands.scratch,
            like,
        )
    else:
        if begins:
            clear(pointer(gradient, like), part.values)
        add_outer_product(
            pointer(x.address, like), pointer(dy.address, like), pointer(gradient, like), part
        )


@kernel
def add_outer_product(x: Any, dy: Any, gradient: Any, part: Share) -> None:
    """dW += x dyᵀ for one example; inputs that are zero cost nothing."""
    outputs = part.width
    for i in range(part.begin, part.end):
        if x[i] != 0:
            for o in range(outputs):
                gradient[(i - part.begin) * outputs + o] += x[i] * dy[o]


@kernel
def add_bias_gradient(task: Task, like: Any) -> None:
    """db (+)= Σ_n dy, for this thread's share of the outputs."""
    operands: Any = read(task, DenseDb)
    part, item = share_of(task, operands.outputs, 1), size_of(like)
    gradient = pointer(operands.gradient + part.begin * item, like)
    if task.begins and operands.is_first:
        clear(gradient, part.values)
    for n in range(count_rows(task)):
        row = n * operands.outputs + part.begin
        dy = pointer(operands.dy.address + row * item, like)
        for k in range(part.values):
            gradient[k] += dy[k]


@handles(DenseStep)
def step_at_once(task: Task, like: Any) -> None:
    """W <- W - rate · x dyᵀ for one example. Rows whose input is zero, as most pixels are, stay
    untouched. The gradient itself is written down in a run's last step alone, after which it can
    be looked at."""
    operands: Any = read(task, DenseStep)
    context, step = context_at(task.context), task.step
    x, dy = pointer(operands.x.address, like), pointer(operands.dy.address, like)
    weights, gradient = pointer(operands.weights, like), pointer(operands.gradient, like)
    inputs, outputs = operands.inputs, operands.outputs
    rate = constant(pointer(context.coefficients + step * 32, 0.0)[0], like)
    for i in range(inputs):
        if x[i] != 0:
            for o in range(outputs):
                weights[i * outputs + o] -= rate * (x[i] * dy[o])
    if step + 1 == context.steps:
        if operands.is_first:
            clear(gradient, inputs * outputs)
        add_outer_product(x, dy, gradient, Share(0, inputs, outputs, inputs * outputs))


@handles(DensePanels)
def arrange_in_panels(task: Task, like: Any) -> None:
    """Wᵀ in panels. A thread takes the rows of W that it has just moved."""
    operands: Any = read(task, DensePanels)
    inputs, outputs = operands.inputs, operands.outputs
    part = share_of(task, inputs, outputs)
    panels = operands.arranged
    transpose_into_panels(operands.weights, part.begin, part.end, inputs, outputs, panels, like)
