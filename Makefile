# make demo   installs what is needed and runs the main job
# make test   the same, then the whole test suite
# make test-fast   unit tests that start no worker, with a quarter of the examples; meant to end within 40 s on two free cores
# make test-clients   programs of other libraries, as they are, and the examples that need these; in environments of their own
# make dev    installs what the tests, the linters and the hooks need: see CONTRIBUTING.md
# make lint   ruff and mypy
# make screenshots     real pictures of each screen, into docs/static/screens; look at them afterwards
# make docs   builds the site of docs/ into site/, and checks all its links
# make coverage        how much of the code the quick tests run, with a floor
# make installed-check the wheel and the sdist, each in an empty environment, run the demo and README
# make lowest-check    the oldest versions of all requirements run the demo and the tests that depend most on them
# make wheels-check    whether all requirements have wheels for every Python and platform that is promised
# make constraints     writes constraints.txt anew, and those of test-clients in .ci: the versions that CI installs
# make soak MINUTES=60   kills, stops and restarts workers and Redis under seeded jobs, and compares every count
# make faults N=10   repeats the tests of faults in the background; after a break it goes on where it was
# make bench-engine   the engine beside Aer and qulacs; ARGS='--help' tells how to run a part of it
# make bench-noise    noisy circuits beside Aer's automatic method; ARGS='--help' likewise
# make bench-scale    jobs, shards and workers beside Celery, Aer and plain processes; ARGS='--help' likewise
# make bench-model    what one Redis carries: measured constants, what follows, and a check with 20 workers
# make bench-primitives  estimator and sampler beside Aer's and Qiskit's, and what the queue adds to an iteration
# make bench-methods  stabilizers beside stim and Aer
# make bench-mps      matrix product states beside Aer's
# make bench-against REV=<commit>   this tree beside another revision of it; without REV, beside the last commit
# PYTHON names the interpreter that makes the virtual environment, as in: make demo PYTHON=python3.12

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
N      ?= 10

.PHONY: demo test test-fast test-clients faults soak lint clean
.PHONY: bench bench-against bench-engine bench-noise bench-scale bench-model bench-primitives bench-methods bench-mps

demo: $(VENV)/.installed
	$(BIN)/basicaer demo

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 4 --dist worksteal

test-fast: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --hypothesis-profile dev -m 'not slow' tests/unit

test-clients: .venv-clients/.installed .venv-clients-pinned/.installed
	.venv-clients/bin/python -m pytest --durations 5 tests/clients/current
	.venv-clients-pinned/bin/python -m pytest --durations 5 tests/clients/pinned

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

.PHONY: dev docs screenshots coverage installed-check lowest-check wheels-check constraints

dev: $(VENV)/.installed-dev

# A warning is an error, and every page is read anew: what a page does not say any more is not left over.
docs: $(VENV)/.installed-docs
	rm -rf site
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html -d site/.doctrees docs site
	rm -rf site/.doctrees
	$(BIN)/python .ci/links.py site

# What is quick and touches most: the unit tests that start no process of their own, and jobs on a worker's.
COVERED ?= -m 'not slow' tests/unit tests/integration/test_job.py
coverage: $(VENV)/.installed-dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal --hypothesis-profile dev $(COVERED)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Look at each picture afterwards.
screenshots: $(VENV)/.installed-dev
	$(BIN)/python .ci/screenshots.py

installed-check: $(VENV)/.installed-dev
	$(BIN)/python .ci/installed.py

lowest-check: $(VENV)/.installed-dev
	$(BIN)/python .ci/lowest.py

wheels-check: $(VENV)/.installed-dev
	$(BIN)/python .ci/wheels.py

constraints:
	PYTHON=$(PYTHON) .ci/constrain --group dev --group docs > constraints.new
	mv constraints.new constraints.txt
	for group in clients clients-pinned; do \
	  PYTHON=$(PYTHON) .ci/constrain --group $$group > constraints.new \
	  && mv constraints.new .ci/constraints-$$group.txt || exit 1; \
	done

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.round_trip $(ARGS)

REV ?= HEAD
bench-against: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.against $(REV) $(ARGS)

bench-engine: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.engine $(ARGS)

bench-noise: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.noise $(ARGS)

bench-scale: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.scale $(ARGS)

bench-primitives: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.primitives $(ARGS)

bench-methods: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.methods $(ARGS)

bench-mps: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.methods.tensors $(ARGS)

bench-model: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.redis_model $(ARGS)

clean:
	rm -rf $(VENV) .venv-clients .venv-clients-pinned dist site .faults .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and brought up to date when pyproject.toml changes.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'Python 3.10 or newer is needed: make PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo 'No venv in this Python; on Debian and Ubuntu: sudo apt install python3-venv'; exit 1; }
	@echo 'Installing into $(VENV), once: this takes a minute or two.'
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

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/.made
	$(BIN)/python -m pip install --quiet --editable . --group docs
	@touch $@ $(VENV)/.installed

# An environment has the name of its group. CI pins each to versions of its own: in some, Qiskit is an older one.
.venv-%/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(if $(PIP_CONSTRAINT),PIP_CONSTRAINT=$(CURDIR)/.ci/constraints-$*.txt) \
	  .venv-$*/bin/python -m pip install --quiet --editable . --group $*
	@touch $@
