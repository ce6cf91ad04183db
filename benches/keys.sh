#!/usr/bin/env bash
# How long `key list` of a thousand keys takes, and a rehearsed 2-of-3 ceremony; each the median of some runs.
# COUNTERSIGN is the program; `make bench` sets it.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin keys "${TMPDIR:-/var/tmp}"
    export HOME=$work DOCKER_CONFIG=$work/.docker
    local number private=$DOCKER_CONFIG/trust/private
    mkdir -p "$DOCKER_CONFIG/trust"
    mkdir -m 700 "$private"
    for number in $(seq 1000); do
        install -m 600 "$top/keys-example/openssl/p256-pkcs8.pem" "$private/$(printf %064x "$number").key"
    done
    bound 100 'key list, 1000 keys' key list --format json
    bound 2000 'root rehearse, 2 of 3' root rehearse --threshold 2 --people ada,bob,eve
}

# bound MILLISECONDS WHAT COMMAND...: the median of 11 runs, which fails above its bound.
bound() {
    local most=$1 what=$2 median
    shift 2
    median=$(median_us 11 "$program" "$@")
    printf '%-50s %8d.%d ms (at most %d)\n' "$what" $((median / 1000)) $((median % 1000 / 100)) "$most"
    ((median <= most * 1000))
}

main
