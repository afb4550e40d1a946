# `make run` and `make test` are enough on a fresh machine with Go, gcc, make and
# Node: each sets up what it needs, once. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

export CGO_ENABLED := 1
# SQLite's full text search is compiled in under a tag (models/no_fts5.go).
export GOFLAGS := $(if $(findstring sqlite_fts5,$(GOFLAGS)),$(GOFLAGS),$(strip $(GOFLAGS) -tags=sqlite_fts5))

PORTAL_ADDR ?= 127.0.0.1:8080
FUZZTIME    ?= 60s
LINTER      := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# What the style sheet is made from: its sources, and the pages whose class names
# Tailwind looks for.
STYLED := $(shell find static views -not -path 'static/dist*' -type f \( -name '*.css' -o -name '*.js' -o -name '*.mjs' -o -name '*.svg' -o -name '*.templ' \))

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: prepare ## the portal with demo sellers and a sandbox gateway, on http://localhost:8080
	@echo "starting http://localhost:$(lastword $(subst :, ,$(PORTAL_ADDR))); Ctrl-C stops it"
	go run . serve

.PHONY: test
test: prepare packages ## every test: unit, SQLite and PostgreSQL, browser, with the race detector
	go vet -race ./...
	e2e/postgres.sh go test -race -vet=off -p 2 -timeout 13m ./...

.PHONY: lint
lint: prepare ## gofmt, templ fmt and golangci-lint; changes nothing
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
		[ -z "$$unformatted" ] || { echo "gofmt would change: $$unformatted; run make fmt"; exit 1; }
	@rm -rf .cache/views && cp -r views .cache/views && go tool templ fmt -log-level=error .cache/views
	@diff -ru views .cache/views || { echo "templ fmt would change the above; run make fmt"; exit 1; }
	go run $(LINTER) run ./...

.PHONY: fmt
fmt: ## format Go and templ files
	gofmt -w $$(git ls-files -co --exclude-standard '*.go')
	go tool templ fmt views

.PHONY: bench
bench: prepare packages ## settlements and pages per second beside raw SQL, on both databases
	e2e/postgres.sh --durable go run . bench

.PHONY: gallery
gallery: prepare packages ## draw every page from canned data into e2e/out/gallery
	e2e/postgres.sh go test -count=1 -run Gallery ./views/... ./e2e/...
	@echo "the pages are in e2e/out/gallery"

.PHONY: pictures
pictures: prepare packages ## take the README's pictures anew, from the browser tests
	PORTAL_TEST_PICTURES=1 e2e/postgres.sh go test -count=1 -run '^TestJourney$$' ./e2e/
	cp e2e/out/shots/zh-light-1440-overview-arrears.png e2e/readme/overview.png
	cp e2e/out/shots/zh-light-1440-restart.png e2e/readme/restart.png

.PHONY: dev
dev: prepare ## like run, and restarts and reloads the page on http://localhost:7331 when a file changes
	go tool templ generate --watch --open-browser=false --proxyport=7331 \
		--proxy="http://localhost:$(lastword $(subst :, ,$(PORTAL_ADDR)))" \
		--watch-pattern='(static/(css|js)/.+)|(.+\.(go|templ|json|sql))$$' \
		--cmd="make --no-print-directory serve-styled"

.PHONY: lighthouse
lighthouse: prepare packages .cache/lighthouse/package-lock.json ## Lighthouse on the seller's pages, phone and desktop; fails below 95
	go build -o .cache/lighthouse/portal .
	node e2e/lighthouse.mjs

.cache/lighthouse/package-lock.json: Makefile
	mkdir -p $(@D)
	npm install --silent --no-audit --no-fund --prefix $(@D) lighthouse@12.8.2
	touch $@

.PHONY: fuzz
fuzz: prepare ## every fuzz target in turn, FUZZTIME=60s each
	@grep -rnoE --include='*_test.go' '^func Fuzz\w+' . | while IFS=: read -r file _ target; do \
		go test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "./$$(dirname "$$file")"; \
	done

.PHONY: soak
soak: prepare packages ## the long runs: a million charges replayed, 200 worlds for each property
	PORTAL_TEST_CHARGES=1000000 e2e/postgres.sh go test -count=1 -timeout 20m -v -run '^TestChargesReplayed' ./e2e/
	e2e/postgres.sh go test -count=1 -timeout 60m -run '^(TestMoneyHoldsWhateverHappens|TestBankTransfersHoldToTheFen)$$' ./models/ -rapid.checks=200

.PHONY: build
build: prepare ## bin/ztc-portal: one file with everything in it
	go build -trimpath -ldflags='-s -w' -o bin/ztc-portal .

.PHONY: clean
clean: ## remove what make made; data/ stays
	rm -rf bin .cache node_modules static/dist e2e/out
	find views -name '*_templ.go' -delete

# What stands behind them.

.PHONY: prepare
prepare: .cache/dist generate

.PHONY: serve-styled
serve-styled: .cache/dist
	go run . serve

# templ writes only what changed, and removes what has lost its .templ file.
.PHONY: generate
generate:
	go tool templ generate -log-level=warn

.PHONY: packages
packages:
	e2e/packages.sh

.cache/npm: package.json package-lock.json $(if $(wildcard node_modules/.package-lock.json),,missing)
	npm ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

.cache/dist: .cache/npm $(STYLED) $(if $(wildcard static/dist/app.css),,missing)
	npm run --silent build
	@mkdir -p $(@D) && touch $@

# A stamp is no proof when what it stands for is gone.
.PHONY: missing
missing:
