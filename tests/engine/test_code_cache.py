"""Machine code on disk: only what this user alone can have written is loaded, and only whole."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sweep import some_long

from chainrule.engine.running import code_cache, compiling
from chainrule.engine.running.code_cache import code_folder, label, read, seal, unseal

DTYPE = "float32"
NAME = "activations.LeakyRelu"
PREDICT = """
import sys
import numpy as np, chainrule as cr
net = cr.Network([cr.LeakyReLU(0.5)], 1, engine="compiled")
print(net.predict(np.array([[-1.5]]))[0], "numba" in sys.modules)
"""
LOADED, COMPILED = "[-0.75] False\n", "[-0.75] True\n"
AT_HAND = """
import sys
from pathlib import Path
from chainrule.engine.running import compiling
from chainrule.engine.running.code_cache import label, unseal
def compile_function(name, dtype):
    import numba  # as the compiler would
    content = Path(sys.argv[1], f"{name}.{dtype}.o").read_bytes()
    return unseal(label(name, dtype), content)
compiling.compile_function = compile_function
"""
"""In front of other code: what the compiler would give is taken from a folder. That it does compile
where nothing can be kept is seen on a full disk; without a home, by `make test-long`."""
ANNOUNCED = r"^chainrule: compiling (the engine|\d+ functions?) for float\d\d: .*\n"
CRASHES = (-signal.SIGABRT, -signal.SIGBUS, -signal.SIGSEGV)
ALONE = "chainrule: compiling the engine for this process alone: "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of code in a complete cache of this test's own."""
    compile_once()
    copied = tmp_path / "cache" / "engine" / code_folder().name
    shutil.copytree(code_folder(), copied)
    for made in (copied, copied.parent, copied.parent.parent):
        made.chmod(0o700)
    return copied


@cache
def compile_once() -> None:
    compiling.compile_all(DTYPE)


def run(code: str, folder: Path, *arguments: str, **options: Any) -> Any:
    """A process of its own that runs some code with this cache."""
    environment = {**os.environ, "CHAINRULE_CACHE": str(folder.parent.parent)}
    return run_python(code, *arguments, **{"env": environment, **options})


def run_python(
    code: str, *arguments: str, env: dict[str, str], ends_with: Sequence[int] = (0,), **options: Any
) -> Any:
    """A process that ends with one of these exit codes, and shows no traceback."""
    env = {**env, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    ran = subprocess.run(
        command, capture_output=True, text=True, env=env, timeout=280, check=False, **options
    )
    assert ran.returncode in ends_with, (ran.returncode, ran.stderr)
    assert "Traceback" not in ran.stderr
    ran.stderr = re.sub(ANNOUNCED, "", ran.stderr, flags=re.MULTILINE)
    return ran


def file_in(folder: Path, name: str = NAME) -> Path:
    return folder / f"{name}.{DTYPE}.o"


# --- what is trusted ------------------------------------------------------------------------------


def forge(folder: Path) -> None:
    """A file that passes for the real one, but would end the process that loads it."""
    file_in(folder).write_bytes(seal(label(NAME, DTYPE), b"\x7fELF forged"))


def test_a_forged_file_would_be_fatal(folder: Path) -> None:
    forge(folder)
    run(PREDICT, folder, ends_with=CRASHES)


@pytest.mark.parametrize("levels", [0, 2])
def test_a_folder_that_others_may_write_to_is_not_used(folder: Path, levels: int) -> None:
    forge(folder)
    shared = [folder, *folder.parents][levels]
    shared.chmod(0o777)
    before = contents(folder)
    ran = run(AT_HAND + PREDICT, folder, str(code_folder()))
    assert ran.stdout == COMPILED
    assert ran.stderr == (
        f"{ALONE}others may write to {shared}: forbid it with chmod go-w; "
        "CHAINRULE_CACHE can name another folder\n"
    )
    assert contents(folder) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_another_user_s_files_are_made_anew(folder: Path) -> None:
    forge(folder)
    os.chown(file_in(folder), 12345, 12345)
    ran = run(PREDICT, folder)
    assert (ran.stdout, ran.stderr) == (LOADED, "")
    assert file_in(folder).stat().st_uid == 0


def test_what_is_made_is_closed_to_others(tmp_path: Path) -> None:
    code = """
    import os
    os.umask(0)
    from chainrule.engine.running.code_cache import code_folder, write
    write("a.b", "float32", b"code")
    print(code_folder())
    """
    made = Path(run(code, tmp_path / "new" / "cache" / "x" / "y").stdout.strip())
    modes = [path.stat().st_mode & 0o777 for path in (made / "a.b.float32.o", made, *made.parents)]
    assert modes[:5] == [0o600, 0o700, 0o700, 0o700, 0o700]


# --- what is damaged ------------------------------------------------------------------------------

DAMAGE = """
    import itertools, os, random, shutil, sys
    import filelock  # imported once, before anything is measured or broken
    from chainrule.engine.codegen import llvm
    from chainrule.engine.codegen.processor import VECTORS
    from chainrule.engine.running import code_cache, compiled, compiling
    from chainrule.engine.running.code_cache import file_of, label, read, seal

    def cut_short(path, content):
        path.write_bytes(content[:draw.randrange(len(content))])

    def empty(path, content):
        path.write_bytes(b"")

    def flip_a_bit(path, content):
        place = draw.randrange(len(content))
        changed = content[place] ^ 1 << draw.randrange(8)
        path.write_bytes(content[:place] + bytes([changed]) + content[place + 1:])

    def overwrite(path, content):
        place, length = draw.randrange(len(content)), draw.randrange(1, 5000)
        junk = draw.choice([draw.randbytes(length), bytes(length)])
        changed = content[:place] + junk + content[place + length:]
        path.write_bytes(changed if changed != content else b"")

    def zeros(path, content):
        path.write_bytes(bytes(len(content)))

    def add(path, content):
        path.write_bytes(content + draw.randbytes(draw.randrange(1, 100)))

    def without_label(path, content):
        path.write_bytes(pristine[name])

    def of_another_function(path, content):
        other = draw.choice([other for other in pristine if other != name])
        path.write_bytes(seal(label(other, dtype), pristine[other]))

    def of_another_type(path, content):
        path.write_bytes(seal(label(name, "float64"), pristine[name]))

    def of_other_vectors(path, content):
        other = label(name, dtype).replace(VECTORS.cpu.encode(), b"another")
        path.write_bytes(seal(other, pristine[name]))

    def of_another_compiler(path, content):
        path.write_bytes(seal(label(name, dtype).replace(b"LLVM ", b"LLVM 9"), pristine[name]))

    def open_to_others(path, content):
        path.chmod(0o666)

    def linked(path, content):
        elsewhere = path.with_suffix(".elsewhere")
        path.replace(elsewhere)
        path.symlink_to(elsewhere)

    def pipe(path, content):
        path.unlink()
        os.mkfifo(path)

    def huge(path, content):
        os.truncate(path, 1 << 40)

    def gone(path, content):
        path.unlink()

    damages = [cut_short, empty, flip_a_bit, overwrite, zeros, add, without_label,
               of_another_function, of_another_type, of_other_vectors, of_another_compiler,
               open_to_others, linked, pipe, huge, gone]
    count, dtype = int(sys.argv[1]), sys.argv[2]
    draw = random.Random(0)
    pristine = {name: read(name, dtype) for name in compiling.FUNCTIONS}
    compiling.compile_function = lambda name, dtype: pristine[name]
    compiling.run_all = lambda programs: None
    pairs = list(itertools.product(damages, pristine))[::int(sys.argv[3])]
    assert {name for damage, name in pairs} == set(pristine)
    for damage, name in itertools.islice(itertools.cycle(pairs), count):
        path = file_of(name, dtype)
        damage(path, path.read_bytes())
        trusted = read(name, dtype) if "--load-anything" not in sys.argv else None
        assert trusted is None, (damage, name)
        for memory in (compiling.fill_cache, compiled.engine, llvm.target_machine):
            memory.cache_clear()
        compiled.LOADED.clear()
        assert compiled.address(name, dtype)
        assert read(name, dtype) == pristine[name] and not path.is_symlink(), (damage, name)
    print(count, "mended")
"""
WAYS = 16
EVERY = WAYS * len(compiling.FUNCTIONS)
STEP = 7  # of the ways that each file can be damaged, one in so many


@pytest.mark.parametrize(
    ("count", "step"),
    [pytest.param(EVERY // STEP, STEP, id="every way, every file"),
     pytest.param(max(EVERY, 3_000), 1, id="every way with every file", marks=pytest.mark.long)],
)  # fmt: skip
def test_whatever_is_damaged_is_noticed_and_mended(folder: Path, count: int, step: int) -> None:
    """In a process of its own, with all of the way to LLVM but Numba, whose code is at hand."""
    assert run(DAMAGE, folder, str(count), DTYPE, str(step)).stdout == f"{count} mended\n"


def test_what_is_damaged_would_be_fatal(folder: Path) -> None:
    """Without the check, some of the same damages crash."""
    unchecked = """
    from chainrule.engine.running import code_cache
    code_cache.unseal = lambda label, content: content[len(label) + code_cache.CHECKSUM_BYTES:]
    import sys
    sys.argv.append("--load-anything")
    """
    code = textwrap.dedent(unchecked) + textwrap.dedent(DAMAGE)
    run(code, folder, "200", DTYPE, "1", ends_with=CRASHES)


def test_every_byte_of_a_file_counts() -> None:
    name, content = label(NAME, DTYPE), seal(label(NAME, DTYPE), b"code")
    assert unseal(name, content) == b"code"
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert unseal(name, bytes(changed)) is None
        assert unseal(name, content[:place]) is None
    assert unseal(name, content + b"x") is None


def test_a_network_mends_what_it_needs_and_what_it_does_not(folder: Path) -> None:
    damaged = [file_in(folder), file_in(folder, "dropout.draw_mask")]
    for path in damaged:
        path.write_bytes(b"")
    ran = run(PREDICT, folder)
    assert (ran.stdout, ran.stderr) == (LOADED, "")
    assert all(path.stat().st_size for path in damaged)


def test_warm_up_mends(folder: Path) -> None:
    file_in(folder).write_bytes(b"")
    leftover = folder / f".{NAME}.{DTYPE}.o.0123.part"
    leftover.touch()
    code = "from chainrule.cli import main; main()"
    ran = run(code, folder, "warm-up", "--dtype", DTYPE)
    assert ran.stdout.startswith("1 function compiled in ")
    assert not leftover.exists()
    assert run(code, folder, "warm-up", "--dtype", DTYPE).stdout.startswith("0 functions compiled")
    assert run(PREDICT, folder).stdout == LOADED


def test_warm_up_says_why_it_cannot_keep_anything(folder: Path) -> None:
    folder.chmod(0o777)
    ran = run("from chainrule.cli import main; main()", folder, "warm-up", ends_with=[2])
    assert ran.stderr.startswith(f"chainrule: others may write to {folder}: ")
    assert ran.stderr.count("\n") == 1


# --- what is locked -------------------------------------------------------------------------------

HOLD = """
    import sys
    from filelock import FileLock
    with FileLock(sys.argv[1]):
        print("held", flush=True)
        sys.stdin.read()
"""
IMPATIENT = f"from chainrule.engine.running import compiling; compiling.PATIENCE = 0.2{PREDICT}"


@pytest.mark.long
def test_a_lock_is_waited_for_no_longer_than_its_holder_gets_on(folder: Path) -> None:
    lock = folder / f"{DTYPE}.lock"
    file_in(folder).unlink()
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(lock)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            ran = run(IMPATIENT, folder)
            assert ran.stdout == COMPILED
            assert ran.stderr == (
                f"{ALONE}another process holds {lock}, and has compiled nothing for 0.2 s; end it; "
                "CHAINRULE_CACHE can name another folder\n"
            )
            assert not file_in(folder).exists()
        finally:
            holder.send_signal(signal.SIGKILL)
    ran = run(PREDICT, folder)  # the system has taken the lock from the dead
    assert (ran.stdout, ran.stderr) == (LOADED, "")


def test_whoever_gets_on_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    held = FileLock(folder / f"{DTYPE}.lock", is_singleton=False)
    held.acquire()
    left = [["a", "b", "c"], ["a", "b"], ["a"], []]

    def missing(dtype: str) -> list[str]:
        if len(left) == 1:
            held.release()
        return left.pop(0)

    monkeypatch.setattr(compiling, "PATIENCE", 0.01)
    monkeypatch.setattr(compiling, "missing", missing)
    monkeypatch.setattr(compiling, "code_folder", lambda: folder)
    with compiling.compile_lock(DTYPE):
        assert left == []


# --- where nothing can be kept --------------------------------------------------------------------

NO_HOME = """
    import pwd
    def getpwuid(user):
        raise KeyError(user)
    pwd.getpwuid = getpwuid
"""


NOWHERE = {"HOME": "/proc/none", "TMPDIR": "/proc/none"}
NOT_WRITTEN = "cannot write /proc/none/.cache/chai"


@pytest.mark.skipif(os.name == "nt", reason="/proc and pwd are not Windows's")
@pytest.mark.parametrize(
    ("environment", "problem", "compiler"),
    [
        pytest.param({}, "this user has no home folder to keep files in", AT_HAND, id="no home"),
        pytest.param(NOWHERE, NOT_WRITTEN, AT_HAND, id="no home that can be written, nor /tmp"),
        pytest.param(NOWHERE, NOT_WRITTEN, "", id="where it compiles", marks=pytest.mark.long),
    ],
)
def test_a_process_that_can_keep_nothing_runs(
    environment: dict[str, str], problem: str, compiler: str
) -> None:
    """As under ``env -i``."""
    compile_once()
    code = textwrap.dedent(NO_HOME) + compiler + PREDICT
    ran = run_python(code, str(code_folder()), env=environment, cwd="/")
    assert ran.stdout == COMPILED
    assert ran.stderr.startswith(f"{ALONE}{problem}")
    assert ran.stderr.count("\n") == 1


def test_a_cache_that_is_no_folder_costs_time_alone(tmp_path: Path) -> None:
    compile_once()
    place = tmp_path / "file"
    place.write_text("no folder")
    environment = {**os.environ, "CHAINRULE_CACHE": str(place)}
    ran = run_python(AT_HAND + PREDICT, str(code_folder()), env=environment)
    assert ran.stdout == COMPILED


# A folder that cannot be written to is tried above.
@pytest.mark.long
def test_a_full_disk_costs_time_alone(folder: Path) -> None:
    file_in(folder).unlink()
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"
    ran = run(full + PREDICT, folder)
    assert ran.stdout == COMPILED
    assert ran.stderr.startswith(f"{ALONE}cannot write {file_in(folder)}: ")
    assert ran.stderr.count("\n") == 1
    assert not list(folder.glob(".*"))


def test_a_closed_standard_error_is_no_error(folder: Path) -> None:
    folder.chmod(0o777)
    code = f"import sys; sys.stderr.close(){AT_HAND}{PREDICT}"
    ran = run(code, folder, str(code_folder()))
    assert ran.stdout == COMPILED


# --- processes that compile -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            "compiling.COMPILE = 'raise SystemExit(1)'", id="fail", marks=pytest.mark.long
        ),
        pytest.param("compiling.COMPILE = 'import os; os.abort()'", id="crash"),
        pytest.param("compiling.sys.executable = None", id="do not start", marks=pytest.mark.long),
    ],
)
def test_what_other_processes_fail_to_compile_this_one_does(folder: Path, broken: str) -> None:
    file_in(folder).unlink()
    ran = run(f"from chainrule.engine.running import compiling; {broken}{PREDICT}", folder)
    assert (ran.stdout, ran.stderr) == (COMPILED, "")
    assert file_in(folder).exists()
    assert run(PREDICT, folder).stdout == LOADED


def test_they_import_what_this_one_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("path", "elsewhere"):
        (tmp_path / place).mkdir()
    (tmp_path / "path" / "only_here.py").write_text("place = 'path'")
    (tmp_path / "elsewhere" / "only_here.py").write_text("place = 'elsewhere'")
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path / "path")
    program = "import sys, only_here; open(sys.argv[1], 'w').write(only_here.place)"
    compiling.run_all([[program, str(tmp_path / "told")]])
    assert (tmp_path / "told").read_text() == "path"


LIVE_ON = """
    import sys
    from chainrule.engine.running.compiling import run_all
    run_all([[sys.argv[1], sys.argv[2]]])
"""
CHILD = """
import sys, threading, time
from filelock import FileLock
from chainrule.engine.running.compiling import end_with_parent
threading.Thread(target=end_with_parent, daemon=True).start()
with FileLock(sys.argv[1]):
    open(sys.argv[1] + ".held", "w").close()
    time.sleep(600)
"""


def test_they_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    from filelock import FileLock

    lock = tmp_path / "lock"
    command = [sys.executable, "-c", textwrap.dedent(LIVE_ON), CHILD, str(lock)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as parent:
        wait_until((tmp_path / "lock.held").exists)
        parent.send_signal(signal.SIGKILL)
    with FileLock(lock, timeout=100):  # which the child held
        assert parent.stderr is not None


def wait_until(true: Callable[[], bool]) -> None:
    """Look again and again; pytest's own time limit ends it."""
    import time

    while not true():
        time.sleep(0.01)


def test_an_interrupt_ends_them(tmp_path: Path) -> None:
    from filelock import FileLock

    code = """
    import os, signal, sys, threading, time
    from chainrule.engine.running.compiling import run_all
    def interrupt():
        while not os.path.exists(sys.argv[2] + ".held"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt).start()
    try:
        run_all([[sys.argv[1], sys.argv[2]]] * 1)
    except KeyboardInterrupt:
        print("interrupted")
    """
    lock = tmp_path / "lock"
    ran = run_python(code, CHILD, str(lock), env=dict(os.environ))
    assert ran.stdout == "interrupted\n"
    with FileLock(lock, timeout=0.1):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on Windows")
@pytest.mark.parametrize(
    "function",
    some_long(["compile_lock", "compile_function", "record_type"], lambda f: f != "compile_lock"),
)
def test_a_fork_while_another_thread_compiles_goes_on(folder: Path, function: str) -> None:
    """Parent and child alike, whoever holds which lock."""
    file_in(folder).unlink()
    code = """
    import os, signal, sys, threading, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
    import numpy as np, chainrule as cr
    from chainrule.engine.running import compiled, compiling
    import filelock  # whose own hooks for forks now come before those of compiled
    compiling.COMPILE = "raise SystemExit(1)"  # so that the parent compiles
    compiling.PATIENCE = 0.2
    compiling.notice = print
    def predict():
        net = cr.Network([cr.LeakyReLU(0.5)], 1, engine="compiled")
        return net.predict(np.array([[-1.5]]))[0] == -0.75
    reached, original = threading.Event(), getattr(compiling, sys.argv[1])
    def slowly(*arguments):
        reached.set()
        time.sleep(0.5)
        return original(*arguments)
    setattr(compiling, sys.argv[1], slowly)
    told = []
    other = threading.Thread(target=lambda: told.append(predict()))
    other.start()
    assert reached.wait(100)
    child = os.fork()
    if child == 0:
        signal.alarm(200)
        os._exit(0 if predict() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    other.join()
    assert told == [True]
    """
    run(code, folder, function)


def test_the_label_names_all_that_code_depends_on() -> None:
    import numba

    from chainrule.engine.codegen.processor import VECTORS

    text = label(NAME, DTYPE).decode()
    python = sys.version.split()[0]
    for part in (NAME, DTYPE, VECTORS.cpu, numba.__version__, f"Python {python}"):
        assert part in text
    assert code_cache.source_hash() in text
    assert text.endswith("\n")
    compile_once()
    assert read(NAME, DTYPE) is not None
