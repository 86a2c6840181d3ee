# make demo   set up, then compile, show, run and generate with the tiny model
# make test   set up, then lint, type-check and run every test
# make mutants   are the rewrites' tests able to fail?
# make gpu-check   the kernels' tests and one artifact on the NVIDIA GPU that is there; one line where there is none
# make triton-versions   do all kernels compile within their limits with Triton 3.6 to 3.9?
# All set up everything they need in .venv; a second call finds it there.
# With an environment of your own:  make test VENV=path/to/venv READY=path/to/any/file

PYTHON ?= python3
VENV ?= .venv
READY ?= $(VENV)/ready
TORCH ?= torch==2.13.0
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# One thread per process: the workers share the cores, and sums keep one order.
RUN := OMP_NUM_THREADS=1 PYTHONHASHSEED=0

.PHONY: demo test lint typecheck tests mutants gpu-check triton-versions setup clean
.DELETE_ON_ERROR:

demo: setup
	$(RUN) $(BIN)/python examples/demo.py

test: setup
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory typecheck
	$(MAKE) --no-print-directory tests

lint: setup
	$(BIN)/ruff check .

# The check reads the package as a user gets it: the folders only become dsv3c.* when installed.
typecheck: setup
	rm -rf build
	$(PIP) install --quiet --no-deps --no-build-isolation --target build/typecheck .
	$(BIN)/basedpyright --pythonpath $(BIN)/python

# A file's tests stay in one worker: what they share is made once.  In their own order the long files come early.
tests: setup
	$(RUN) $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

mutants: setup
	$(RUN) $(BIN)/python tests/mutants/run.py

gpu-check: setup
	$(RUN) $(BIN)/python tests/gpu_check.py

triton-versions: setup
	$(RUN) $(BIN)/python tests/triton_versions.py

setup: $(READY)

$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "dsv3c needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	       "Install one and name it: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up $(VENV) (once; some minutes)"
	$(PIP) install --quiet "setuptools>=77"
	$(BIN)/python -c 'import importlib.metadata as m; m.version("torch")' 2>/dev/null || $(PIP) install --quiet "$(TORCH)"
	@# No dependency may exchange the torch that is there.
	$(BIN)/python -c 'import importlib.metadata as m; print("torch==" + m.version("torch"))' > $(VENV)/constraints.txt
	$(PIP) install --quiet --no-build-isolation --constraint $(VENV)/constraints.txt -e '.[gpu,hf,mlir,test]'
	touch $@

clean:
	rm -rf $(VENV) build dsv3c.egg-info
