#!/usr/bin/env bash
# countersign serve beside notary-server in memory, on the same machine, in one run, with TLS: timestamps read and
# collections founded each second, and memory. COUNTERSIGN is the program, PUBLISH the load generator; `make bench`
# sets both. RUNS=n changes the number of runs.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin serve "${TMPDIR:-/var/tmp}"
    start_stage "$work/run" --trust notary-server --no-docker
    enter_stage "$work/run"
    start_ours --listen 127.0.0.1:0 --data "$work/data" \
        --tls-cert "$work/run/tls/server.crt" --tls-key "$work/run/tls/server.key"
    beside notary-server "${RUNS:-3}" 300
}

main
