#!/usr/bin/env bash
# countersign serve beside notary-server and notary-signer, both on PostgreSQL (fsync on) with the signer's key table,
# on the same machine, in one run, with TLS. COUNTERSIGN is the program, PUBLISH the load generator; `make bench` sets
# both. RUNS=n changes the number of runs, COUNT=n the number of publications.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin sql
    chmod 0711 "$work"
    start_database postgres "$work/pg"
    make_tables
    start_stage "$work/run" --trust notary-server --no-docker --database "$work/pg"
    enter_stage "$work/run"
    configure
    NOTARY_SIGNER_ALIAS1=throw-away start_ours --config "$work/ours.toml"
    beside notary-server "${RUNS:-3}" "${COUNT:-200}"
}

administrator() { psql -X -q -v ON_ERROR_STOP=1 -h "$DATABASE_SOCKETS" -p "$DATABASE_PORT" -U postgres "$1"; }

# The originals make none; ours makes its own, in databases of its own.
make_tables() {
    local owner
    for owner in server signer; do
        {
            echo "SET ROLE $owner;"
            cat "$top/tests/vectors/sql/postgres-$owner.sql"
            [[ $owner == signer ]] || echo "INSERT INTO change_category VALUES ('update'), ('deletion');"
        } | administrator "notary$owner"
        echo "CREATE DATABASE our$owner OWNER $owner" | administrator postgres
    done
}

configure() {
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
}

main
