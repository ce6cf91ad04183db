#!/usr/bin/env bash
# countersign serve beside notary-server and notary-signer, both on PostgreSQL (fsync on) with the signer's key table,
# on the same machine, in one run, with TLS. COUNTERSIGN is the program, PUBLISH the load generator; `make bench` sets
# both. RUNS=n changes the number of runs, COUNT=n the number of publications.
set -euo pipefail
shopt -s inherit_errexit

main() {
    work=$(mktemp -d /tmp/countersign-sql.XXXXXX)
    chmod 0711 "$work"
    trap 'clean_up' EXIT
    "$top/test-registry/database" start postgres "$work/pg"
    # shellcheck disable=SC1091  # made by the line above
    source "$work/pg/env"
    make_tables
    "$top/test-registry/start" --trust notary-server --no-docker --database "$work/pg" "$work/run" >&2
    # shellcheck disable=SC1091  # made by the line above
    source "$work/run/env"
    start_ours
    local server run
    for server in "$TRUST_SERVER" "$ours"; do
        notary -s "$server" --tlscacert "$TEST_CA" -d "$work/$RANDOM" init -p bench.example.com/a >/dev/null
    done
    for ((run = 1; run <= runs; run++)); do
        reads notary "$TRUST_SERVER"
        reads countersign "$ours"
        publishes notary "$TRUST_SERVER"
        publishes countersign "$ours"
    done
    printf '%-12s %s KiB at most\n' countersign "$(peak "$ours_pid")"
}

administrator() { psql -X -q -v ON_ERROR_STOP=1 -h "$DATABASE_SOCKETS" -p "$DATABASE_PORT" -U postgres "$1"; }

# The originals make none; ours makes its own, in databases of its own.
make_tables() {
    local program
    for program in server signer; do
        {
            echo "SET ROLE $program;"
            cat "$top/tests/vectors/sql/postgres-$program.sql"
            [[ $program == signer ]] || echo "INSERT INTO change_category VALUES ('update'), ('deletion');"
        } | administrator "notary$program"
        echo "CREATE DATABASE our$program OWNER $program" | administrator postgres
    done
}

start_ours() {
    cat >"$work/ours.toml" <<TOML
listen = "127.0.0.1:0"
data = "$work/data"
database = "${SERVER_URL/notaryserver/ourserver}"
[signer]
database = "${SIGNER_URL/notarysigner/oursigner}"
default_alias = "alias1"
[tls]
certificate = "$work/run/tls/server.crt"
key = "$work/run/tls/server.key"
TOML
    NOTARY_SIGNER_ALIAS1=throw-away "${COUNTERSIGN:?}" serve -q --config "$work/ours.toml" >"$work/ours" 2>"$work/ours.log" &
    ours_pid=$!
    local polls
    for ((polls = 0; polls < 200; polls++)); do
        [[ ! -s $work/ours ]] || break
        sleep 0.05
    done
    ours=$(<"$work/ours")
    [[ -n $ours ]] || { cat "$work/ours.log" >&2; exit 1; }
}

# reads NAME SERVER
reads() {
    local rate
    rate=$(wrk -t2 -c16 -d5s "$2/v2/bench.example.com/a/_trust/tuf/timestamp.json" | awk '/^Requests/ { print $2 }')
    printf '%-12s %10.0f timestamps/s\n' "$1" "$rate"
}

# publishes NAME SERVER
publishes() {
    # shellcheck disable=SC2086  # a command and its words
    printf '%-12s %s\n' "$1" "$($PUBLISH "$2" "$TEST_CA" "$count" || echo 'gave up')"
}

peak() { awk '/VmHWM/ { print $2 }' "/proc/$1/status"; }

clean_up() {
    [[ -z ${ours_pid-} ]] || kill "$ours_pid" 2>/dev/null || true
    [[ ! -f $work/run/pids ]] || "$top/test-registry/stop" "$work/run"
    [[ ! -f $work/pg/pid ]] || "$top/test-registry/database" stop "$work/pg"
    rm -rf "$work"
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
runs=${RUNS:-3}
count=${COUNT:-200}
: "${PUBLISH:?}"
main
