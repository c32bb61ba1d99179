# `make demo` and `make test` set everything up by themselves, from a fresh clone.
PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin
# One thread a process: two such processes are ten times faster than two threads each.
export OMP_NUM_THREADS = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

DEMO = multihead pretrain maml scratch wrong-level
EVALUATE = $(BIN)/mfbench evaluate --split levels-mini --level wb97x-d --draws 1 --workers 2

.PHONY: demo test docs lint data clean

# 1,000 steps of scratch, which had 9.1 kcal/mol/Å with 2,000 here and 8.9 with these: half of its time.
demo: $(VENV)/.jax  ## what DFT labels bring to starts that never saw DFT, and which method makes the most of them
	rm -rf $(DEMO:%=runs/demo-%)
	$(EVALUATE) --method multihead --k 0,10 --out runs/demo-multihead
	$(EVALUATE) --method pretrain --k 0,10 --out runs/demo-pretrain
	$(EVALUATE) --method maml --k 0,10 --out runs/demo-maml
	$(EVALUATE) --method scratch --k 10 --option steps=1000 --out runs/demo-scratch
	$(EVALUATE) --method pretrain --k 10 --support wrong-level --out runs/demo-wrong-level
	$(BIN)/python scripts/run_table.py $(DEMO:%=runs/demo-%) --out runs/demo.md --title "Ten DFT labels"
	cat runs/demo.md

test: $(VENV)/.dev  ## the whole test suite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile --all-extras

docs: $(VENV)/.docs  ## the site, in build/docs
	$(BIN)/python -m sphinx -W --keep-going -q docs build/docs

lint: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python docs/drawings/draw_rooms.py

data: $(VENV)/.dev  ## rebuild cath-mini from MFBENCH_STRUCTURES (about half an hour)
	$(BIN)/mfbench data build tasks/recipes/cath-mini.yaml --structures $(MFBENCH_STRUCTURES) --out build/cath-mini

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.jax: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt -e '.[jax]'
	touch $@

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt -e '.[docs]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install -q -c constraints.txt -e '.[jax,torch,so3lr,ani,label,hub,dask,leaderboard,dev]'
	touch $@ $(VENV)/.jax $(VENV)/.docs

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .ruff_cache .mypy_cache
