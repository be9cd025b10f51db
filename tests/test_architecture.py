"""The shape of the house: which module may import which, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "chainrule"

# From the ground up: a module may import those of its own row and of the rows before it.
FLOORS = [
    {
        *["errors", "types", "seeding", "functions", "files", "limits"],
        *["text", "display", "interruption", "environment"],
    },
    {"configurable", "arguments"},
    {"initializers", "regularizers", "history", "parameters"},
    {"layers", "tensor_file"},
    {"losses", "metrics", "optimizers", "schedules", "data", "checkpoint"},
    {"chain"},
    {"epoch", "passages", "summary", "model_file"},
    {"runner", "last_good", "training_state", "callbacks"},
    {"engine", "progress", "resuming", "trouble"},
    {"trainer"},
    {"network", "datasets"},
    {"check"},
    {"experiments", "labs", "parallel", "explain"},
    {"cli", "__main__"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
# The same within the engine; each package has a docstring that says what is in it.
ENGINE_FLOORS = [{"program"}, {"codegen"}, {"operations"}, {"plan"}, {"running"}]
ENGINE_FLOOR_OF = {name: floor for floor, names in enumerate(ENGINE_FLOORS) for name in names}
TANGLED = {"check", "explain"}  # packages in which modules still import each other in circles


def part(module: str) -> str:
    """The part of chainrule that a module belongs to: ``layers`` for layers.dense."""
    return module.split(".")[0]


def imported_modules(code: str) -> set[str]:
    """The modules of chainrule that code imports, in functions and for type checkers too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return {name.removeprefix("chainrule.") for name in found if name.startswith("chainrule.")}


def name_of(file: Path) -> str:
    """``chainrule.layers.dense`` for layers/dense.py."""
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {name_of(file): file for file in sorted(SOURCE.rglob("*.py"))}
IMPORTS = {
    name.removeprefix("chainrule."): imported_modules(file.read_text())
    for name, file in MODULES.items()
    if name != "chainrule"
}


def test_every_part_has_its_floor() -> None:
    assert {part(module) for module in IMPORTS} <= FLOOR_OF.keys()


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_point_downwards(module: str) -> None:
    allowed = {name for floor in FLOORS[: FLOOR_OF[part(module)] + 1] for name in floor}
    assert {part(name) for name in IMPORTS[module]} <= allowed


def engine_part(module: str) -> str:
    """The engine's package that a module belongs to: ``plan`` for engine.plan.assembly; or an empty
    name."""
    parts = module.split(".")
    return parts[1] if parts[0] == "engine" and len(parts) > 1 else ""


ENGINE_MODULES = [module for module in IMPORTS if engine_part(module)]


def test_every_part_of_the_engine_has_its_floor() -> None:
    assert {engine_part(module) for module in ENGINE_MODULES} == ENGINE_FLOOR_OF.keys()


@pytest.mark.parametrize("module", ENGINE_MODULES)
def test_imports_within_the_engine_point_downwards(module: str) -> None:
    floor = ENGINE_FLOOR_OF[engine_part(module)]
    allowed = {name for floor in ENGINE_FLOORS[: floor + 1] for name in floor} | {""}
    assert {engine_part(name) for name in IMPORTS[module]} <= allowed
    assert "engine" not in IMPORTS[module]  # the package itself stands above them all


@pytest.mark.parametrize("package", ENGINE_FLOOR_OF)
def test_every_file_of_the_engine_is_on_its_map(package: str) -> None:
    folder = SOURCE / "engine" / package
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    described = (folder / "__init__.py").read_text().split('"""')[1]
    listed = {line.split()[0] for line in described.splitlines() if line.startswith("    ")}
    assert listed == files


def test_no_modules_import_each_other_in_a_circle() -> None:
    untangled = {
        module: {name for name in names if name in IMPORTS and name != module}
        for module, names in IMPORTS.items()
        if part(module) not in TANGLED
    }
    list(TopologicalSorter(untangled).static_order())  # or a CycleError that names the circle


def test_the_test_sees_arrows_in_functions_and_for_types() -> None:
    code = """
if TYPE_CHECKING:
    from chainrule.network import Network
def f():
    from chainrule.trainer import Trainer
import chainrule.cli
"""
    assert imported_modules(code) == {"cli", "network", "trainer"}


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
    for module, file in MODULES.items():
        nodes = list(ast.walk(ast.parse(file.read_text())))
        assert not any(isinstance(node, ast.Assert) for node in nodes), module
        imported = {
            name.split(".")[0]
            for node in nodes
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
        }
        assert not {"pickle", "dill", "joblib"} & imported, module
