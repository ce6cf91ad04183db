# make demo    the story in the terminal, with a real registry, trust server and docker; with
#              TRUST=notary-server the trust server is Notary's
# make test    everything that must hold, also against docker and notary
# make bench   beside the originals
# make kills   the trust server killed 200 times while it is published to
# make conformance   the TUF conformance suite, which comes from the network
# make reproducible   the program built twice, in two folders: one digest
# make soak    the trust server for ten minutes under load, and with ten thousand collections
#
# On Debian, as root and with Rust, the targets install what they need (see test-registry/install).

CARGO ?= cargo
SCRIPTS := test-registry/start test-registry/stop test-registry/seed test-registry/install test-registry/database \
	test-registry/demo.sh tests/docker/fake-docker keys-example/make.sh tests/vectors/notary/make.sh tests/vectors/sql/make.sh benches/lib.sh benches/compare.sh benches/serve.sh benches/team.sh benches/bins.sh benches/rescue.sh \
	benches/serve-sql.sh benches/keys.sh packaging/check .ci/run
SCRIPTS += conformance/run conformance/suite conformance/python test-registry/tuf-mirror test-registry/docker-plugins

.PHONY: all deps build release reproducible check-rust check-scripts test demo bench kills soak conformance deny ci

all: build

deps:
	test-registry/install test
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 \
		|| rustup component add rustfmt clippy

build:
	$(CARGO) build --locked

release:
	packaging/build --release

# The program built twice, in two places: one digest.
reproducible:
	packaging/reproduce release/countersign --release --bin countersign

# The deciding part must build alone: no network, disk, clock or environment.
check-rust:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) check --locked --no-default-features

SCRIPTS += benches/first-byte.sh packaging/build packaging/reproduce packaging/sign

SCRIPTS += packaging/check-container packaging/order

check-scripts:
	shellcheck -x $(SCRIPTS)

test: deps check-scripts check-rust
	$(CARGO) test --locked
	$(CARGO) build --locked --quiet
	COUNTERSIGN=$(CURDIR)/target/debug/countersign packaging/check

demo:
	test-registry/install demo
	$(CARGO) build --locked --release --quiet
	COUNTERSIGN=$(CURDIR)/target/release/countersign test-registry/demo.sh

# Built before the stage is entered: with its HOME, rustup finds no toolchain.
PUBLISHER = $$($(CARGO) bench --locked --quiet --bench publish --no-run --message-format=json \
	| jq -r 'select(.executable? != null and .target.name == "publish").executable')

bench:
	test-registry/install bench
	$(CARGO) bench --locked --quiet --bench verify
	$(CARGO) build --locked --release --quiet
	COUNTERSIGN=$(CURDIR)/target/release/countersign benches/compare.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign benches/first-byte.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign PUBLISH="$(PUBLISHER)" \
		benches/serve.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign benches/team.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign benches/bins.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign benches/rescue.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign benches/keys.sh
	COUNTERSIGN=$(CURDIR)/target/release/countersign PUBLISH="$(PUBLISHER)" \
		benches/serve-sql.sh

kills:
	test-registry/install test
	COUNTERSIGN_KILLS=200 $(CARGO) test --locked --test server_faults server_kill9_atomic -- --nocapture

soak:
	test-registry/install test
	COUNTERSIGN_SOAK_SECONDS=600 COUNTERSIGN_COLLECTIONS=10000 \
		$(CARGO) test --locked --release --test server_load -- --nocapture --test-threads 1

conformance:
	test-registry/install test
	conformance/suite

# Licences, sources and versions of what is built in; the parts that need no network once cargo-deny is there.
deny:
	@cargo-deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	cargo-deny --offline check bans licenses sources

ci: test
