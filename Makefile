# `make demo` and `make test` set up what they need; PYTHON may name another Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-real check lock clean

demo: $(VENV)/run
	@$(BIN)/notion-review demo

test: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not real"

test-real: $(VENV)/dev
	$(BIN)/python -m pytest -m real -rs -n 0

# The environment is made without pip of its own: Debian's python3 has no ensurepip without
# python3-venv, and the pip that runs this can install into it.
$(VENV)/python:
	$(PYTHON) -m venv --without-pip $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/python requirements.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	    --require-hashes -r requirements.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	    --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements-dev.lock
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check \
	    --require-hashes -r requirements-dev.lock
	@touch $@

# After a change of dependencies in pyproject.toml; needs uv.
lock:
	uv pip compile -q --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    pyproject.toml -o requirements.lock
	uv pip compile -q --generate-hashes --python-version 3.11 --no-annotate --no-header \
	    --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
