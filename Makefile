# Thin on purpose: tasks.py does the work, so that Windows needs no make (py -3.11 tasks.py demo).
# Arguments for a task: make demo ARGS="--data-dir mnist". Another Python: make PYTHON=python3.12 demo

PYTHON ?= $(if $(filter Windows_NT,$(OS)),python,python3)
ARGS ?=
TASKS := demo test lab bench coverage faults lint notebooks compare book browser data

.DEFAULT_GOAL := help
.PHONY: help $(TASKS)

help:
	@$(PYTHON) tasks.py help

$(TASKS):
	@$(PYTHON) tasks.py $@ $(ARGS)
