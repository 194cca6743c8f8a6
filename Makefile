# make demo   installs what is needed and runs the main job
# make test   the same, then the whole test suite
# make test-fast   unit tests that start no process, with a quarter of the examples; meant to end within 40 s on two free cores
# make soak MINUTES=60   kills, stops and restarts workers and Redis under seeded jobs, and compares every count
# make faults N=10   repeats the tests of faults in the background; after a break it goes on where it was
# make bench-engine   the engine beside Aer and qulacs; ARGS='--help' tells how to run a part of it
# make bench-scale    jobs, shards and workers beside Celery, Aer and plain processes; ARGS='--help' likewise
# make bench-model    what one Redis carries: measured constants, what follows, and a check with 20 workers
# make bench-against REV=<commit>   this tree beside another revision of it; without REV, beside the last commit
# PYTHON names the interpreter that makes the virtual environment, as in: make demo PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
N      ?= 10

.PHONY: demo test test-fast faults soak lint bench bench-against bench-engine bench-scale bench-model clean

demo: $(VENV)/.installed
	$(BIN)/basicaer demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 3 --dist worksteal

test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --hypothesis-profile dev -m 'not slow' tests/unit

MINUTES ?= 60
soak: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -s tests/faults/test_soak.py --soak-minutes $(MINUTES)

faults: $(VENV)/.installed-dev
	@mkdir -p .faults
	@nohup $(BIN)/python tests/faults/repeat.py .faults $(N) >> .faults/progress.log 2>&1 &
	@echo 'It runs in the background: see .faults/progress.log; rm -r .faults begins anew'

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.round_trip $(ARGS)

REV ?= HEAD
bench-against: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.against $(REV) $(ARGS)

bench-engine: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.engine $(ARGS)

bench-scale: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.scale $(ARGS)

bench-model: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.redis_model $(ARGS)

clean:
	rm -rf $(VENV) dist .faults .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and brought up to date when pyproject.toml changes.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'Python 3.10 or newer is needed: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo 'No venv in this Python; on Debian and Ubuntu: sudo apt install python3-venv'; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable . --group dev --group bench
	@touch $@ $(VENV)/.installed $(VENV)/.installed-dev
