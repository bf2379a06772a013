# `make demo` runs the main job on a real example, `make test` runs the tests; both set up all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test prove check lint lock clean

$(VENV)/run: requirements/run.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	touch $@

demo: $(VENV)/run  ## build the example's images, scan one, print the report and write report.html
	$(BIN)/python tools/build_shop_images.py
	$(BIN)/thwart scan oci:examples/shop/images/storefront --exit-zero -o text -o html=report.html
	@echo "report.html shows the same as a page"

test: $(VENV)/dev  ## unit tests, then those with real components where they are present
	$(BIN)/python -m pytest -q -n 2 $(PYTEST)

prove: $(VENV)/dev  ## policies of random worlds in the real kernel (needs root and nft): engine, oracle and kernel agree
	$(BIN)/python -m tools.prove_campaign --worlds 1500

check: $(VENV)/dev  ## lint, types, import contracts, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate.py --check

lock:  ## refresh the lock files (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 pyproject.toml requirements/build.in -o requirements/run.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 pyproject.toml requirements/build.in --extra server --group dev -c requirements/run.lock -o requirements/dev.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 pyproject.toml --extra server -c requirements/dev.lock -o requirements/server.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 requirements/build.in -c requirements/run.lock -o requirements/build.lock
	uv pip compile -q --universal --generate-hashes --python-version 3.11 requirements/oracles.in -o requirements/oracles.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis
