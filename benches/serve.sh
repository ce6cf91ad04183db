#!/usr/bin/env bash
# countersign serve beside notary-server in memory, on the same machine, in one run, with TLS: timestamps read and
# collections founded each second, and memory. COUNTERSIGN is the program, PUBLISH the load generator; `make bench`
# sets both. RUNS=n changes the number of runs.
set -euo pipefail
shopt -s inherit_errexit

main() {
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-serve.XXXXXX")
    trap 'clean_up' EXIT
    "$top/test-registry/start" --trust notary-server --no-docker "$work/run" >&2
    # shellcheck disable=SC1091  # made by the line above
    source "$work/run/env"
    start_ours
    local server
    for server in "$TRUST_SERVER" "$ours"; do
        notary -s "$server" --tlscacert "$TEST_CA" -d "$work/$RANDOM" init -p bench.example.com/a >/dev/null
    done
    local run
    for ((run = 1; run <= runs; run++)); do
        reads notary-server "$TRUST_SERVER"
        reads countersign "$ours"
        publishes notary-server "$TRUST_SERVER"
        publishes countersign "$ours"
    done
    printf '%-14s %s KiB at most\n' countersign "$(peak "$ours_pid")"
}

start_ours() {
    "${COUNTERSIGN:?}" serve -q --listen 127.0.0.1:0 --data "$work/data" \
        --tls-cert "$work/run/tls/server.crt" --tls-key "$work/run/tls/server.key" >"$work/ours" 2>"$work/ours.log" &
    ours_pid=$!
    local polls
    for ((polls = 0; polls < 100; polls++)); do
        [[ ! -s $work/ours ]] || break
        sleep 0.05
    done
    ours=$(<"$work/ours")
}

# reads NAME SERVER
reads() {
    local rate
    rate=$(wrk -t2 -c16 -d5s "$2/v2/bench.example.com/a/_trust/tuf/timestamp.json" | awk '/^Requests/ { print $2 }')
    printf '%-14s %10.0f timestamps/s\n' "$1" "$rate"
}

# publishes NAME SERVER
publishes() {
    # shellcheck disable=SC2086  # a command and its words
    printf '%-14s %s\n' "$1" "$($PUBLISH "$2" "$TEST_CA" 300 || echo 'gave up')"
}

peak() { awk '/VmHWM/ { print $2 }' "/proc/$1/status"; }

clean_up() {
    [[ -z ${ours_pid-} ]] || kill "$ours_pid" 2>/dev/null || true
    [[ ! -f $work/run/pids ]] || "$top/test-registry/stop" "$work/run"
    rm -rf "$work"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
runs=${RUNS:-3}
: "${PUBLISH:?}"
main
