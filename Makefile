# The two newcomer commands are `make report` and `make test`; both set up .venv first, and do no work twice.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
CORES ?= all

.PHONY: report test test-slow lint docs smoke benchmark faults sanity lock clean

report: $(VENV)/.ready
	$(BIN)/snakemake --cores $(CORES)

# A process for each core, and a file of tests in one of them: fixtures that take long are of a file.
test: $(VENV)/.ready
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/.ready
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile
	$(BIN)/mypy

# The site, in build/site.
docs: $(VENV)/.ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

smoke: $(VENV)/.ready
	$(BIN)/snakemake --cores $(CORES) --configfile configs/smoke.yaml

benchmark: $(VENV)/.ready
	$(BIN)/python benchmarks/loop.py
	$(BIN)/python benchmarks/overhead.py

# Kills and spoils a small study at random, and compares what is left. Disk faults need the right to mount.
faults: $(VENV)/.ready
	$(BIN)/python benchmarks/faults.py

# Downloads MNIST if GANBENCH_DATA does not have it. Without a network: make sanity STUDY=configs/quick.yaml TO=reports/quick
STUDY := configs/sanity.yaml
TO := docs
sanity: $(VENV)/.ready
	$(BIN)/python -m ganbench.sanity $(STUDY) --to $(TO)

# Exact versions for every platform; names no index address.
lock: $(VENV)/.ready
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --extra parity --extra docs \
		--no-emit-index-url --no-annotate \
		--upgrade --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ganbench needs Python 3.11 or newer; say which with make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
