# `make demo` and `make test` set up all they need; see README.md.
VENV ?= .venv
export VENV
BIN = $(VENV)/bin

.PHONY: demo test build lint doctor clean

demo: build
	$(BIN)/spikeloop mission blimp_altitude --report out

test:
	@tools/setup.sh jazzy chromium libsdformat-dev ignition-tools
	$(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/missions
	# These fly against the clock, so nothing runs beside them.
	$(BIN)/python -m pytest tests/missions

build:
	@tools/setup.sh jazzy

lint: build
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src/spikeloop sim/spikeloop_sim src/launch_fallback
	PYTHONPATH=src:sim $(BIN)/lint-imports

doctor: build
	$(BIN)/spikeloop doctor

clean:
	rm -rf build install log $(VENV)
