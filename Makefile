# make demo: from real digits to a measured INT8 model.   make test: prove it.
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.run
READY := .venv/.ready
SITE := build/site

C_FILES := $(wildcard $(addprefix android-benchmark/,src/*.[ch] tests/*.[ch] bionic/*.c qemu/*.c))

.PHONY: demo test nightly lint format types audit docs clean

demo: $(RUN)
	$(BIN)/tflconv study demo -o demo

test: $(READY)
	$(BIN)/pytest $(ARGS)

nightly: $(READY)
	$(BIN)/pytest tests/nightly --timeout=7200 --record docs/nightly.md $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(C_FILES)

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

types: $(READY)
	$(BIN)/mypy

audit: $(READY)
	$(BIN)/python tests/audit.py

docs: $(READY)
	$(BIN)/python docs/make_cli_reference.py
	$(BIN)/python docs/make_readme_table.py
	$(BIN)/python docs/make_pictures.py
	$(BIN)/sphinx-build -W --keep-going -q -c docs . $(SITE)
	@echo "The site is in $(SITE)/index.html"

clean:
	rm -rf .venv demo build dist converter/*.egg-info

$(RUN): EXTRAS := zig
$(READY): EXTRAS := dev
$(RUN) $(READY): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' || { \
	  echo "tflconv needs Python 3.10 to 3.13 (TensorFlow has no other wheels); '$(PYTHON)' is"; \
	  $(PYTHON) --version; echo "Choose one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	@touch $@
