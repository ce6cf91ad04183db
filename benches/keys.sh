#!/usr/bin/env bash
# How long `key list` of a thousand keys takes, and a rehearsed 2-of-3 ceremony; each the median of some runs.
# COUNTERSIGN is the program; `make bench` sets it.
set -euo pipefail
shopt -s inherit_errexit

main() {
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-keys.XXXXXX")
    trap 'rm -rf "$work"' EXIT
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
    median=$(for _ in $(seq 11); do once "$@"; done | sort -n | sed -n 6p)
    printf '%-50s %8d.%d ms (at most %d)\n' "$what" $((median / 1000)) $((median % 1000 / 100)) "$most"
    ((median <= most * 1000))
}

# Microseconds.
once() {
    local began
    began=$(date +%s%N)
    "$COUNTERSIGN" "$@" >/dev/null 2>&1
    echo $((($(date +%s%N) - began) / 1000))
}

top=$(cd "$(dirname "$0")/.." && pwd)
: "${COUNTERSIGN:?the program to measure}"
main
