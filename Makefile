# make demo    install, and watch a network learn handwritten digits
# make test    the whole test suite          make test-long   the tests that take minutes
# make torture 200,000 damaged and forged files, and 290 runs and comparisons that are killed
# make check   formatting, lint and types    make format      mend formatting and imports
# make labs    the full reports of the five labs, in docs/labs, which take long
# make docs    the documentation site, in build/docs/html
# make wheel   a wheel in dist/ with the engine's kernels, which runs without a compiler
# make try-wheel  that wheel in an environment of each Python from 3.11 to 3.14 that is here
# make bench   beside PyTorch, JAX and others, in an environment of its own: about two hours
# make bench-quick   a short form of it      make bench NARROW=--narrow   all held back to AVX2
PYTHON ?= python3
BIN := .venv/bin
BENCH := .venv-bench/bin/python benchmarks
# Python keeps what it has compiled, whatever the shell says: tests start a thousand short processes.
unexport PYTHONDONTWRITEBYTECODE
HAS_WIDE_VECTORS := $(BIN)/python -c \
  "from chainrule.engine.codegen.processor import IS_WIDE; raise SystemExit(not IS_WIDE)"
# A process for each core, which takes over what another one has yet to do.
TESTS := OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n auto --dist worksteal

# The engine's tests once more, but for those to which all machine code is alike.
TEST_NARROW := export CHAINRULE_VECTORS=avx2; $(BIN)/chainrule warm-up \
  && $(TESTS) -m "not long" tests/engine --ignore tests/engine/test_code_cache.py

demo: .venv/installed
	$(BIN)/chainrule train digits --model cnn --epochs 20 --learning-rate 0.002

test: .venv/collected warm-up browser
	$(TESTS) -m "not long"
	@if $(HAS_WIDE_VECTORS); then $(TEST_NARROW); \
	else echo "no AVX-512 here: the engine was tested with narrow vectors already"; fi

warm-up: .venv/installed
	$(BIN)/python -m compileall -q src  # for the processes of the sandbox, which write nothing
	$(BIN)/chainrule warm-up

test-long: .venv/installed-dev browser
	$(BIN)/pytest -m long
	$(TESTS) -m "not long" --engine numpy --hypothesis-profile thorough
	CHAINRULE_VECTORS=avx2 $(TESTS) -m "not long" tests/engine/test_code_cache.py

torture: .venv/installed-dev
	$(BIN)/python -m tests.torture
	$(BIN)/python -m tests.survival

check: .venv/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: .venv/installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Pictures that a lab no longer draws should not stay.
labs: .venv/installed
	for lab in $$($(BIN)/chainrule lab list | cut -d " " -f 1); do \
	  rm -rf docs/labs/$$lab/pictures; \
	  $(BIN)/chainrule lab run $$lab --out docs/labs/$$lab || exit 1; \
	done

# Tutorials run while the site is built, and not again before they change.
docs: .venv/installed-dev
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs build/docs/html

wheel: .venv/installed
	$(BIN)/pip wheel --no-deps --wheel-dir dist .

try-wheel: wheel
	$(BIN)/python -m tests.try_wheel dist/chainrule-*.whl

# Reports are opened in Chromium by the tests.
browser:
	@command -v chromium > /dev/null \
	  || { apt-get update -qq && apt-get install -yqq chromium > /dev/null; } \
	  || { echo "the tests of reports need chromium: install it, then make test again"; exit 1; }

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable ".[compile]"
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --no-compile --editable ".[dev]"
	touch $@

# Of what is installed, tests import a third. Collecting them compiles that, once for all processes.
.venv/collected: .venv/installed-dev
	$(BIN)/python -c "import IPython"  # for notebooks in the sandbox, which writes nothing
	$(BIN)/pytest --collect-only --quiet > /dev/null || true  # make test says what is wrong
	touch $@

# PyTorch's release 2.13 has a build for the CPU alone; a newer one may be several GB.
bench: .venv-bench/installed
	$(BENCH)/run.py $(NARROW)
	$(BENCH)/draw.py $(NARROW)
	$(BENCH)/products.py $(NARROW)
	$(BENCH)/beside.py $(NARROW)
	$(BENCH)/prediction.py
	$(BENCH)/whole_process.py
	$(BENCH)/growth.py
	$(BENCH)/recipe.py

bench-quick: .venv-bench/installed
	$(BENCH)/run.py --repeats 3 --peers PyTorch,JAX $(NARROW)
	$(BENCH)/draw.py --count 12 $(NARROW)
	$(BENCH)/products.py --repeats 3 --types float32 --largest 1024 $(NARROW)
	$(BENCH)/beside.py --repeats 3 --workloads W3,W7 $(NARROW)

.venv-bench/installed: pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --editable ".[compile]" jax mkl onnx onnxruntime scikit-learn torch==2.13.0
	touch $@

clean:
	rm -rf .venv .venv-bench build .mypy_cache .pytest_cache .ruff_cache

.PHONY: demo test test-long warm-up torture wheel try-wheel check format docs labs bench bench-quick browser clean
