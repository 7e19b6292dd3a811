# Everything runs in .venv, which follows requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test test-real soak coverage chromium check bench fuzz lock wheel clean
run: $(READY)
	$(BIN)/headlines demo

# A file's tests stay together on one of as many workers as there are cores.
test: $(READY) chromium
	$(BIN)/python -m pytest tests --ignore=tests/real --numprocesses=auto --dist=loadfile $(TRACE) $(ARGS)

test-real: $(READY)
	$(BIN)/python -m pytest tests/real $(ARGS)

# The tests that prove by repetition, with all their repetitions.
soak: $(READY) chromium
	SOAK=1 $(BIN)/python -m pytest tests --ignore=tests/real -m soak $(ARGS)

# Which lines the tests ran, in the process of the tests (daemons and parsers are others).
coverage: TRACE = --cov=monitor --cov=classifiers --cov-report=
coverage: test
	$(BIN)/coverage report --sort=cover

# Some tests draw pages: with the Chromium that is there, else Debian's.
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
	  echo "installing chromium, which the tests of drawn pages need"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	} || { echo "install Chromium first: apt install chromium" >&2; exit 1; }

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	sh .ci/lock --check

bench: $(READY)
	for name in poll parse classify rules history stories schedule; do \
	  test ! -f tests/benchmarks/$$name.py || $(BIN)/python -m tests.benchmarks.$$name --quick || exit 1; done

# Bad input to what reads documents: SECONDS for each target; stops at an input that fails.
fuzz: SECONDS ?= 600
fuzz: $(READY)
	for name in feed charset date page json; do \
	  $(BIN)/python -m tests.fuzz $$name --seconds $(SECONDS) || exit 1; done

lock: $(READY)
	sh .ci/lock

wheel: $(READY)
	$(BIN)/python -m build

clean:
	rm -rf .venv build dist classifiers/starter classifiers/_scan.so monitor/stories/_window.so .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The lock file names all there is to install, so pip need not look for more. The install builds the
# starter model, so what it is trained from makes it stale. A Python without ensurepip leaves half a
# virtual environment, which has no pip.
$(READY): requirements.lock pyproject.toml hatch_build.py $(wildcard training_data/*/*.txt) $(wildcard classifiers/*.py classifiers/*.c classifiers/*.h monitor/stories/*.c)
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)
