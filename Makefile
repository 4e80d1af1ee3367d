# SPDX-License-Identifier: GPL-3.0-or-later
# Every verb works on the lab named by LAB; `make help` lists them.
LAB ?= lab
export LAB
PYTHON ?= python3
SCENARIO ?= vagrant
lab := $(PYTHON) -m lab

.DEFAULT_GOAL := help
.PHONY: help lab site status env test test-vm traffic fidelity drill bench down clean package

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: ## from a blank machine to a live three-node cluster; again: seconds, and nothing changes
	@$(lab) up

site: ## run site.yml on the lab, e.g. make site ARGS="--check --diff"
	@$(lab) site $(ARGS)

status: ## show the lab's nodes and how to reach the cluster
	@$(lab) status

env: ## print shell settings, to be evaluated as the README shows
	@$(lab) env

test: ## everything .ci/run proves: lint, sanity, units, molecule and the suites in a lab
	@$(PYTHON) tests/run.py $(ARGS)

test-vm: ## tagged VLANs, a router, disks and reboots in virtual machines (QEMU); SCENARIO=storage for volumes made by LVM
	@$(lab) supply
	@$(lab) exec-tool molecule test --scenario-name $(SCENARIO) $(ARGS)

traffic: ## requests through the routes of the lab; PROVIDER=nginx for another controller than traefik
	@$(lab) exec-tool python -m pytest tests/traffic $(ARGS)

fidelity: ## compare what checks say with what runs do, on the blank and on the live lab
	@$(lab) exec-tool python -m tests.fidelity $(ARGS)

drill: ## lose all nodes with their disks, rebuild the lab and compare what apps find; also without the repository
	@$(lab) exec-tool python -m pytest -q tests/integration/test_rebuild.py $(ARGS)

bench: ## run the benchmarks, e.g. make bench ARGS=install
	@$(PYTHON) benchmarks/run.py $(ARGS)

package: ## build the collection's tarball into build/
	@$(lab) exec-tool ansible-galaxy collection build --force --output-path build

down: ## remove the lab named LAB
	@$(lab) down

clean: ## remove every lab of this machine, the built components and the caches
	@$(lab) clean
