"""The shape of the house: which module may import which, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "chainrule"

# From the ground up: a module may import those of its own row and of the rows before it.
FLOORS = [
    {"errors", "types", "seeding", "functions", "extras", "files", "limits", "spelling", "text"},
    {"system", "presentation"},
    {"configurable", "arguments", "sandbox"},
    {"foreign"},
    {"rewrites"},
    {"initializers", "regularizers", "history", "parameters"},
    {"layers", "tensor_file"},
    {"augment", "layouts", "losses", "metrics", "optimizers", "schedules"},
    {"data", "calibration", "checkpoint", "objective"},
    {"chain"},
    {"passages", "summary", "model_file", "onnx_export"},
    {"averages", "callbacks", "training"},
    {"engine", "tracking"},
    {"trainer"},
    {"network", "datasets"},
    {"ensemble"},
    {"doctor"},
    {"check", "grading"},
    {"assignments", "classroom"},
    {
        *["experiments", "labs", "parallel", "explain"],
        *["reports", "sklearn", "onnx_import", "weights", "hub"],
    },
    {"cli", "__main__"},
]
# The same for the rooms within a package.
ROOMS = {
    "engine": [{"program"}, {"codegen"}, {"operations"}, {"plan"}, {"running"}],
    "foreign": [
        {"errors"},
        {"naming"},
        {"objects"},
        {"reading"},
        {"stand_ins"},
        {"running"},
        {"calls"},
        {"observed"},
        {"adopted"},
    ],
    "doctor": [
        {"verdict"},
        {"findings", "failure", "excerpt"},
        {"subjects"},
        {"numbers"},
        {"search"},
        {"properties", "optimizers"},
        {"intake"},
        {"diagnosis", "heat_map"},
        {"process"},
    ],
}


def part(module: str) -> str:
    """The part of chainrule that a module belongs to: ``layers`` for layers.dense."""
    return module.split(".")[0]


def room(module: str) -> str:
    """The room that a module is in: ``search`` for doctor.search.causes."""
    return module.split(".")[1]


def within(package: str, modules: Iterable[str]) -> list[str]:
    """The modules of a package among some."""
    return [module for module in modules if module.startswith(f"{package}.")]


def up_to(name: str, floors: list[set[str]]) -> set[str]:
    """The names of the rows up to the one in which a name stands."""
    floor = next(number for number, names in enumerate(floors) if name in names)
    return set().union(*floors[: floor + 1])


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
    assert {part(module) for module in IMPORTS} <= set().union(*FLOORS)
    for package, rooms in ROOMS.items():
        assert {room(module) for module in within(package, IMPORTS)} == set().union(*rooms)


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_point_downwards(module: str) -> None:
    assert {part(name) for name in IMPORTS[module]} <= up_to(part(module), FLOORS)


@pytest.mark.parametrize("module", [m for package in ROOMS for m in within(package, IMPORTS)])
def test_imports_within_a_package_point_downwards(module: str) -> None:
    package = part(module)
    allowed = up_to(room(module), ROOMS[package])
    assert set(map(room, within(package, IMPORTS[module]))) <= allowed
    assert package not in IMPORTS[module]  # the package itself stands above all its rooms


@pytest.mark.parametrize("package", [name for names in ROOMS["engine"] for name in names])
def test_every_file_of_the_engine_is_on_its_map(package: str) -> None:
    folder = SOURCE / "engine" / package
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    described = (folder / "__init__.py").read_text().split('"""')[1]
    listed = {line.split()[0] for line in described.splitlines() if line.startswith("    ")}
    assert listed == files


def test_no_modules_import_each_other_in_a_circle() -> None:
    arrows = {
        module: {name for name in names if name in IMPORTS and name != module}
        for module, names in IMPORTS.items()
    }
    list(TopologicalSorter(arrows).static_order())  # or a CycleError that names the circle


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


CORE = ("network", "layers", "losses", "metrics", "optimizers", "schedules", "trainer")


def test_the_core_needs_numpy_alone() -> None:
    imports = ", ".join(f"chainrule.{module}" for module in CORE)
    loaded = {
        name.split(".")[0] for name in run(f"import sys, {imports}; print(*sys.modules)").split()
    }
    dependencies = {
        *["matplotlib", "PIL", "pooch", "pydantic", "rich", "safetensors", "scipy", "tomli_w"],
        *["threadpoolctl", "typer", "jax", "torch", "numba", "pandas", "sklearn"],
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
