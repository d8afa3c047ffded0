# make            environment, then the default study: results/report/index.html
# make test       the test suite in that environment
# make test-slurm the smoke study on a real Slurm (root, Debian): docs/cluster.md
# make sanitize   the kernel's tests under AddressSanitizer and UBSan (g++)
# make faults     what goes wrong, injected for real: docs/faults.md is written anew
# make sweep      every file of a finished study damaged, 10,000 mutated files: docs/faults.md too
# make pages      every page of the default study in a browser (VNU_JAR: a validator): docs/pages.md
# make verify     are finished results the same again as reference/? (ARGS: another study)
# make picture    the picture of README.md, from the default study: docs/images/stuck-where.svg
# make coverage   how often intervals cover the truth, simulated: docs/images/coverage.csv
# make lanes      the pictures and tables of docs/lanes.md, measured anew
# make scale      planning of ten thousand cells: docs/images/scale.csv
# make rates      what `unstuck plan` reckons with, from finished studies (ARGS: their files)
# make bench      speed against references: results/benchmarks.csv
# make site       the documentation as a site: build/site/index.html
# make oldest     the smoke study with the oldest versions that pyproject.toml allows
# make clean      deletes the results of the default study, and no other
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
CORES  ?= all
# environment of the benchmarks' JAX reference; options of bench, verify and reference
BENCH_JAX := .venv-bench-jax
ARGS      ?=

.DEFAULT_GOAL := study
.PHONY: study smoke test test-slow test-slurm sanitize faults sweep pages verify reference picture bench rates lanes scale coverage lint format docs site oldest clean

KERNEL := $(wildcard src/unstuck/lanes/*.cpp) src/unstuck/lanes/build.py packaging/backend.py

# the build compiles the kernel, and asks for a compiler in a wheel where there is none
$(VENV)/.installed: requirements.lock torch.lock pyproject.toml $(KERNEL)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet -r torch.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $@

study: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake --cores $(CORES)
	@echo "Open results/report/index.html"

smoke: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake --cores $(CORES) --configfile workflow/studies/smoke.yaml

test: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n 2

test-slow: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -m slow

test-slurm: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=tests/workflow $(BIN)/python tests/slurm/run.py

# in a copy, whose kernel is an instrumented one; python itself is not looked at for leaks
SANITIZED := $(abspath build/sanitize)
sanitize: $(VENV)/.installed
	rm -rf $(SANITIZED)
	mkdir -p $(SANITIZED)
	cp -R src tests pyproject.toml $(SANITIZED)
	PYTHONPATH=$(SANITIZED)/src CXX="g++ -g1 -fsanitize=address,undefined -fno-sanitize-recover=all" \
	  $(BIN)/python -m unstuck.lanes.build
	cd $(SANITIZED) && ASAN_OPTIONS=detect_leaks=0 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" \
	  $(abspath $(BIN))/python -m pytest tests/lanes

faults: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest tests/faults --write-faults \
	  -m "slow or not slow"

sweep: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest --write-faults -m "slow or not slow" \
	  tests/workflow/test_damage.py tests/safety/test_mutated_files.py

pages: $(VENV)/.installed
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest --write-pages -m slow tests/workflow/test_pages.py

# finished results against the verdicts and digests in reference/, and writing these anew
verify: $(VENV)/.installed
	$(BIN)/unstuck verify $(ARGS)

reference: $(VENV)/.installed
	$(BIN)/unstuck reference $(ARGS)

picture: study
	cp results/figures/1.1.7.svg docs/images/stuck-where.svg

$(BENCH_JAX)/.installed: benchmarks/requirements-jax.txt
	$(PYTHON) -m venv $(BENCH_JAX)
	$(BENCH_JAX)/bin/python -m pip install --quiet -r $<
	touch $@

build/bench/.installed: benchmarks/requirements-curvlinops.txt $(VENV)/.installed
	rm -rf build/bench
	$(BIN)/python -m pip install --quiet --no-deps --target build/bench -r $<
	touch $@

# a reference that cannot be installed costs its own rows only
bench: $(VENV)/.installed
	-$(MAKE) --no-print-directory $(BENCH_JAX)/.installed
	-$(MAKE) --no-print-directory build/bench/.installed
	PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=build/bench $(BIN)/python benchmarks/run.py $(ARGS)

lanes: $(VENV)/.installed
	$(MAKE) --no-print-directory bench ARGS="--only 'lanes_*' --output docs/images/lanes.csv $(ARGS)"
	$(BIN)/python benchmarks/lanes.py

rates: $(VENV)/.installed
	$(BIN)/python benchmarks/rates.py $(ARGS)

scale: $(VENV)/.installed
	$(BIN)/python benchmarks/scale.py

coverage: $(VENV)/.installed
	$(BIN)/python benchmarks/coverage.py $(ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake --lint

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

docs: $(VENV)/.installed
	$(BIN)/python -m unstuck.study.documentation
	$(BIN)/python -m unstuck.claims.documentation
	$(BIN)/python -m unstuck.report.dictionary
	$(BIN)/python -m unstuck.figures.gallery

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -e ".[docs]"
	touch $@

site: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

# the lower bounds of what pyproject.toml names, but torch, whose wheel is the one that is there
OLDEST := build/oldest
oldest: $(VENV)/.installed
	rm -rf $(OLDEST) && $(PYTHON) -m venv $(OLDEST)/env
	$(BIN)/python packaging/oldest.py > $(OLDEST)/oldest.txt
	$(OLDEST)/env/bin/python -m pip install --quiet -r $(OLDEST)/oldest.txt
	$(OLDEST)/env/bin/python -m pip install --quiet --no-deps .
	cd $(OLDEST) && OMP_NUM_THREADS=1 PATH="$(abspath $(OLDEST))/env/bin:$$PATH" env/bin/snakemake \
	  --snakefile $(abspath Snakefile) --configfile $(abspath workflow/studies/smoke.yaml) \
	  --workflow-profile none --cores $(CORES)

# a folder that holds a study.json is another study's, and is kept
clean:
	find results -mindepth 1 -maxdepth 1 ! -name README.md ! -exec test -e '{}/study.json' \; \
	  -exec rm -rf {} +
