# Everything runs from a clean clone with Go, git and a C compiler (for the race detector). The tools are Go modules, pinned in go.mod
# and tools/*/go.mod; the first run builds them, which takes some minutes, and later ones need no network.

SHELL := bash
# Without cgo everything but the race detector shares one set of compiled packages.
export CGO_ENABLED := 0
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# What to vet and test, such as PACKAGES=./policy/...
PACKAGES ?= ./...
# How long `make nightly` fuzzes each target.
FUZZTIME ?= 5m
# How often `make crash` kills the server, and at how many occurrences it lets each system call fail. docs/reliability.md has longer runs.
CRASH_CYCLES ?= 200
CRASH_FAULTS ?= 3
# How many seeds `make nightly` simulates, from another one on each night.
SEEDS ?= 20000

buf := go tool -modfile=tools/buf/go.mod buf
staticcheck := go tool -modfile=tools/staticcheck/go.mod staticcheck
regal := go tool -modfile=tools/regal/go.mod regal

# With -race the compiler also has each conversion of a pointer checked, which SQLite's translated C is full of, and nothing here makes any. That C and its
# library are not looked at for races either: they are most of the time of tests with a record. (Whole packages with code of generics would be taken for
# everybody's, and races seen where there are none.)
race_flags := -race -gcflags='all=-d=checkptr=0' -gcflags='modernc.org/sqlite/lib=-race=false' -gcflags='modernc.org/libc/...=-race=false'

# What the race detector can show is that two things touch one at the same time. It makes all else some ten times slower. So `make race` leaves out what
# does one thing after another, and `make plain` runs that; `make nightly` runs everything with it.
#
# Packages that start next to nothing by themselves, or whose tests load the pack and then ask one thing after another; and the files of their tests in
# which many ask at once.
sequential := $(addprefix github.com/bidrail/bidrail/,server server/scenario client/formats \
	policy $(addprefix policy/,approval audit calendar experiment fact ledger mode permit plan registry term))
at_once := $(addprefix policy/,absence_test.go evaluate_test.go judgement_test.go) $(addprefix server/,batch_test.go failure_test.go grants_test.go invariant_test.go \
	keys_test.go linearizability_test.go race_test.go regression_test.go revisions_test.go settle_test.go simulation_test.go simulation_approvals_test.go \
	watch_test.go)
# Commands are processes of their own.
commands := TestScript
# Runs two commands, one beside the other, and fails where one of them does: one long package alone keeps half of two processors idle.
beside = { $(1); } & first=$$!; failed=0; { $(2); } || failed=1; wait $$first || failed=1; exit $$failed
# What other steps run: policy-test the pack's own tests, crash whatever lets the disk fail.
elsewhere := TestShippedPackPassesItsTests|TestNothingMissingPassesTheShippedPack|TestDisk.*

# Where git cannot read the folder (an unpacked archive, another owner's checkout), build without its stamp.
vcs := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo auto || echo false)

##@ Everyday

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' Makefile

.PHONY: build
build: ## Build bin/bidrail
	@echo "build: compiling bin/bidrail"
	@go build -buildvcs=$(vcs) -o bin/bidrail ./cmd/bidrail

.PHONY: demo
demo: ## Start a server and let an example automation run into its guardrails
	@echo "demo: a server with the shipped rules, and an automation that asks it"
	@go run ./client/examples/demo

.PHONY: test
test: fmt vet staticcheck proto rego race plain crash ## Everything that CI runs

.PHONY: generate
generate: ## Generate the Go code and the OpenAPI file from proto/
	@echo "generate: Go code, gateway and OpenAPI file from proto/bidrail"
	@$(buf) format -w --path proto/bidrail
	@find proto/bidrail -name '*.pb*.go' -delete
	@$(buf) generate

.PHONY: rules-docs
rules-docs: build ## Write docs/rules.md anew from the rules' METADATA
	@echo "rules-docs: bin/bidrail rules docs > docs/rules.md"
	@bin/bidrail rules docs > bin/rules.md && mv bin/rules.md docs/rules.md

.PHONY: bench
bench: ## Run every benchmark
	@echo "bench: go test -bench in $(PACKAGES)"
	@go test -run '^$$' -bench . -benchmem $(PACKAGES)

.PHONY: mutants
mutants: ## Plant bugs, one at a time: does the test that is named for each find it?
	@echo "mutants: tools/mutants/*.patch"
	@go run ./tools/mutants

.PHONY: nightly
nightly: test mutants ## What CI runs, planted bugs, then long crash tests, property tests, simulations and fuzzing
	@$(MAKE) crash CRASH_CYCLES=20000 CRASH_FAULTS=300
	@echo "nightly: $(SEEDS) seeds of the simulation and half as many with approvals, 500 histories of the ledger"
	@go test -count=1 -timeout=12h -run '^(TestSimulation|TestApprovalSimulation|TestHistoriesAreLinearizable)$$' ./server \
		-sim.seeds=$(SEEDS) -sim.first=$$(date +%s) -histories=500 -histories.calls=1000
	@echo "nightly: a million inputs and 20,000 random policies run by both evaluators, hostile rules within 20 ms of the deadline"
	@go test -count=1 -timeout=6h -run '^TestPlansSayWhatTopdownSays$$' ./policy -agreement.inputs=1000000 -agreement.seed=$$(date +%s)
	@go test -count=1 -timeout=6h -run '^TestHostileRules$$' ./policy -hostile.strict
	@go test -count=1 -timeout=6h -run '^TestRandomPolicies$$' ./policy/plan -policies=20000
	@echo "nightly: property tests with 10,000 cases each in $(PACKAGES)"
	@RAPID_CHECKS=10000 CGO_ENABLED=1 go test $(race_flags) -count=1 -timeout=6h $(PACKAGES)
	@echo "nightly: fuzzing each target in $(PACKAGES) for $(FUZZTIME)"
	@go list -f '{{$$d := .}}{{range .TestGoFiles}}{{$$d.Dir}}/{{.}} {{$$d.ImportPath}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$$d.Dir}}/{{.}} {{$$d.ImportPath}}{{"\n"}}{{end}}' $(PACKAGES) | \
		while read -r file package; do \
			[ -n "$$file" ] || continue; \
			for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
				go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$package" </dev/null; \
			done; \
		done

.PHONY: clean
clean: ## Delete what was built
	@echo "clean: deleting bin/"
	@rm -rf bin

##@ Steps of make test

.PHONY: fmt
fmt: ## Is the Go code formatted?
	@echo "fmt: gofmt"
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .); \
		if [ -n "$$unformatted" ]; then printf 'not formatted; run gofmt -w on:\n%s\n' "$$unformatted" >&2; exit 1; fi

.PHONY: vet
vet: ## go vet
	@echo "vet: go vet $(PACKAGES)"
	@go vet $(PACKAGES)

.PHONY: staticcheck
staticcheck: ## staticcheck
	@echo "staticcheck: staticcheck $(PACKAGES)"
	@$(staticcheck) $(PACKAGES)

.PHONY: proto
proto: proto-lint proto-format proto-breaking proto-generated descriptors ## All checks of proto/

.PHONY: proto-lint
proto-lint: ## Names and comments of the API
	@echo "proto-lint: buf lint"
	@$(buf) lint

.PHONY: proto-format
proto-format: ## Are the .proto files formatted?
	@echo "proto-format: buf format"
	@$(buf) format --diff --exit-code --path proto/bidrail

.PHONY: proto-breaking
proto-breaking: ## Would the API break the clients of the main branch?
	@echo "proto-breaking: buf breaking"
	@tools/breaking.sh

.PHONY: proto-generated
proto-generated: ## Is the generated code that of the .proto files?
	@echo "proto-generated: generating anew and comparing"
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; \
		$(buf) generate -o "$$fresh"; \
		if ! diff -r --brief --exclude='*.proto' --exclude=doc.go "$$fresh/proto/bidrail" proto/bidrail; then \
			echo 'the generated code is not that of the .proto files; run: make generate' >&2; exit 1; \
		fi

.PHONY: descriptors
descriptors: ## Do the vendored .proto files agree with the Go packages?
	@echo "descriptors: buf build, then go test ./proto"
	@mkdir -p bin
	@$(buf) build --as-file-descriptor-set -o bin/descriptors.binpb
	@BIDRAIL_DESCRIPTORS="$(CURDIR)/bin/descriptors.binpb" go test -run '^TestThirdParty$$' ./proto

.PHONY: rego
rego: rego-lint policy-test rules-generated ## All checks of rego/

.PHONY: rego-lint
rego-lint: ## Lint the shipped policy pack
	@echo "rego-lint: regal lint rego"
	@$(regal) lint rego

.PHONY: policy-test
policy-test: build ## Compile, type-check and test the shipped policy pack
	@echo "policy-test: bin/bidrail policy test --min-coverage 98 rego"
	@bin/bidrail policy test --min-coverage 98 rego

.PHONY: rules-generated
rules-generated: build ## Is docs/rules.md that of the shipped policy pack?
	@echo "rules-generated: bin/bidrail rules docs"
	@bin/bidrail rules docs | cmp - docs/rules.md || { echo 'docs/rules.md is not that of the rules; run: make rules-docs' >&2; exit 1; }

.PHONY: race
race: ## go test with the race detector, but for what `make plain` runs
	@echo "race: go test -race $(PACKAGES)"
	@command -v "$$(go env CC)" >/dev/null || { echo 'the race detector needs a C compiler; on Debian: apt-get install gcc libc6-dev' >&2; exit 1; }
	@packages="$$(go list $(PACKAGES))"; \
		many="$$(grep -vxF $(addprefix -e ,$(sequential)) <<<"$$packages" || true)"; \
		some="$$(grep -xF $(addprefix -e ,$(sequential)) <<<"$$packages" | grep -xE '.*/(policy|server)' || true)"; \
		tests="$$(sed -nE 's/^func (Test[A-Za-z0-9]+)\(.*/\1/p' $(at_once) | paste -sd'|')"; \
		export CGO_ENABLED=1; \
		$(call beside,[ -z "$$some" ] || go test -p 1 $(race_flags) -skip '^($(elsewhere))$$' -run "^($$tests)$$" $$some, \
			[ -z "$$many" ] || go test $(race_flags) -skip '^($(commands)|$(elsewhere))$$' $$many)

.PHONY: plain
plain: ## What does one thing after another, without the race detector
	@echo "plain: go test of what does one thing after another"
	@packages="$$(go list $(PACKAGES))"; \
		whole="$$(grep -xF $(addprefix -e ,$(sequential)) <<<"$$packages" || true)"; \
		$(call beside,! grep -qxF github.com/bidrail/bidrail/cmd/bidrail <<<"$$packages" || go test -run '^($(commands))$$' ./cmd/bidrail, \
			[ -z "$$whole" ] || go test -skip '^($(elsewhere))$$' $$whole)

.PHONY: crash
crash: ## Kill the server again and again, and let its disk fail
	@echo "crash: $(CRASH_CYCLES) kills, $(CRASH_FAULTS) occurrences of each fault"
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
		go test -count=1 -timeout=12h -run '^(TestKilled|TestDiskFaults|TestDiskFull)$$' ./cmd/bidrail \
			-v -crash.cycles=$(CRASH_CYCLES) -crash.faults=$(CRASH_FAULTS) >"$$log" 2>&1 || { cat "$$log"; exit 1; }; \
		sed -nE 's/^ +crash_[a-z_]*test\.go:[0-9]+: ((crash|disk faults|full disk|no disk).*)/\1/p' "$$log"
