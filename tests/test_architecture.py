"""The shape of the house: which module may import which, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "chainrule"
MODULES = sorted(SOURCE.rglob("*.py"))

# From the ground up: a module may import those of its own row and of the rows before it.
FLOORS = [
    {"errors", "seeding", "functions", "files"},
    {"configurable", "arguments"},
    {"initializers", "regularizers", "history"},
    {"parameters"},
    {"layers"},
    {"losses", "metrics", "optimizers", "schedules", "data"},
    {"summary", "network", "model_file"},
    {"callbacks", "progress", "trainer", "datasets"},
    {"engine", "check"},
    {"experiments", "labs", "parallel", "explain"},
    {"cli", "__main__"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}


def part(module: Path) -> str:
    """The part of chainrule that a file belongs to: ``layers`` for layers/dense.py."""
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST, everywhere: bool) -> Iterator[str]:
    """The modules that code imports when it is loaded, or `everywhere`, in functions too.
    Imports for type checkers alone do not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif everywhere or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports(node, everywhere)


def imported_parts(module: Path, everywhere: bool = False) -> set[str]:
    names = imports(ast.parse(module.read_text()), everywhere)
    return {name.split(".")[1] for name in names if name.startswith("chainrule.")}


def test_every_part_has_its_floor() -> None:
    assert {part(module) for module in MODULES} - {"__init__"} <= FLOOR_OF.keys()


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if part(m) != "__init__"],
    ids=lambda m: str(m.relative_to(SOURCE)),
)
def test_imports_point_downwards(module: Path) -> None:
    upwards = {
        name for name in imported_parts(module) if FLOOR_OF.get(name, 0) > FLOOR_OF[part(module)]
    }
    assert not upwards


@pytest.mark.parametrize(
    "module", [m for m in MODULES if part(m) == "layers"], ids=lambda m: m.stem
)
def test_layers_know_nothing_of_training_even_within_functions(module: Path) -> None:
    allowed = {name for floor in FLOORS[: FLOOR_OF["layers"] + 1] for name in floor}
    assert imported_parts(module, everywhere=True) <= allowed


def test_layers_import_neither_engine_nor_checks_nor_explanations() -> None:
    for module in MODULES:
        if part(module) in {"layers", "network", "losses", "optimizers", "trainer"}:
            assert not imported_parts(module) & {"engine", "check", "explain"}


def test_the_test_sees_an_arrow_that_points_upwards(tmp_path: Path) -> None:
    code = "def f():\n    from chainrule.trainer import Trainer\nimport chainrule.cli\n"
    (tmp_path / "wrong.py").write_text(code)
    assert imported_parts(tmp_path / "wrong.py") == {"cli"}
    assert imported_parts(tmp_path / "wrong.py", everywhere=True) == {"cli", "trainer"}


def run(code: str) -> str:
    """The output of a fresh Python."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_import_chainrule_loads_the_standard_library_alone() -> None:
    loaded = run("import sys; import chainrule; print(*sys.modules)").split()
    outside = {name.split(".")[0] for name in loaded} - {*sys.stdlib_module_names, "chainrule"}
    before = {name.split(".")[0] for name in run("import sys; print(*sys.modules)").split()}
    assert not outside - before


def test_import_chainrule_loads_little() -> None:
    loaded = set(run("import sys; import chainrule; print(*sys.modules)").split())
    before = set(run("import sys; print(*sys.modules)").split())
    assert {name for name in loaded if name.partition(".")[0] == "chainrule"} == {"chainrule"}
    assert len(loaded - before) < 60


@pytest.mark.parametrize(
    "module", ["network", "layers", "losses", "metrics", "optimizers", "schedules", "trainer"]
)
def test_the_core_needs_numpy_alone(module: str) -> None:
    code = f"import sys; import chainrule.{module}; print(*sys.modules)"
    loaded = {name.split(".")[0] for name in run(code).split()}
    dependencies = {
        *["matplotlib", "PIL", "pooch", "pydantic", "rich", "safetensors", "scipy", "tomli_w"],
        *["threadpoolctl", "typer", "jax", "torch", "numba", "pandas"],
    }
    assert "numpy" in loaded
    assert not loaded & dependencies


def test_there_is_no_bare_assert_and_no_pickle_in_the_source() -> None:
    for module in MODULES:
        tree = ast.parse(module.read_text())
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), module
        assert not {"pickle", "dill", "joblib"} & set(imports(tree, everywhere=True)), module
