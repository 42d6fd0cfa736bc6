# Everything a fresh machine needs: `make test` installs what tests need by itself, then runs everything.
# `make bench` prints the figures of docs/performance.md as JSON lines.
.PHONY: test setup fmt lint widget rust browser bench

export CARGO_TERM_COLOR ?= auto

test: setup fmt lint widget rust browser

# Chromium, PostgreSQL and Node through apt-get when missing; npm packages from the lock files.
setup:
	tests/setup.sh

fmt:
	cargo fmt --check

lint:
	cargo clippy --locked --all-targets -- -D warnings

# Types, unit tests, size budgets, and whether the committed bundle is what the sources build.
widget:
	cd widget && npx --no-install tsc --noEmit && npx --no-install tsc --noEmit -p ../static/js && npm test
	cd widget && npm run build && git diff --exit-code -- dist

# Unit tests, then the store on both engines, HTTP and sockets against the real program.
rust:
	tests/postgres.sh run cargo test --locked

# The walk of a visitor and an agent, in Chromium, against the real binary.
browser:
	cargo build --locked --bin parlor
	cd tests/browser && npm test

bench:
	cargo build --locked --release
	cargo bench --locked --bench load
