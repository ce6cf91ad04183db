#!/usr/bin/env bash
# make.sh MIGRATIONS: what Notary's own migrations make, as PostgreSQL and MariaDB tell it.
# MIGRATIONS is the folder `migrations` of Notary 0.7.0's source; Debian's package lacks it. Its
# tool, golang-migrate, runs the files in their order and keeps one row about them.
set -euo pipefail

main() {
    migrations=$(cd "${1:?usage: make.sh MIGRATIONS}" && pwd)
    work=$(mktemp -d /tmp/vectors-sql.XXXXXX)
    trap 'clean_up' EXIT
    chmod 0711 "$work"
    local kind
    for kind in postgres mariadb; do
        "$database" start "$kind" --no-sync "$work/$kind"
        # shellcheck disable=SC1090,SC1091  # made by the line above
        source "$work/$kind/env"
        local program
        for program in server signer; do
            "run_$kind" "$program"
            "shape_$kind" "$program" >"$here/$kind-$program.sql"
        done
    done
}

tables() {
    if [[ $1 == server ]]; then
        echo tuf_files change_category changefeed schema_migrations
    else
        echo private_keys
    fi
}

run_postgres() {
    local pg=(psql -X -q -v ON_ERROR_STOP=1 -h "$DATABASE_SOCKETS" -p "$DATABASE_PORT" -U "$1" "notary$1")
    "${pg[@]}" -c 'CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null)'
    cat "$migrations/$1"/postgresql/*.up.sql | "${pg[@]}"
}

shape_postgres() {
    local table arguments=()
    for table in $(tables "$1"); do arguments+=(-t "$table"); done
    pg_dump --schema-only --no-owner -h "$DATABASE_SOCKETS" -p "$DATABASE_PORT" -U postgres "${arguments[@]}" "notary$1" |
        sed -e '/^--/d' -e '/^SET /d' -e '/^SELECT /d' -e '/^\\/d' -e '/^$/d'
}

run_mariadb() {
    local file my=(mariadb --no-defaults -u root -S "$DATABASE_SOCKETS/sock" "notary$1")
    "${my[@]}" -e 'CREATE TABLE schema_migrations (version bigint not null primary key, dirty boolean not null)'
    for file in "$migrations/$1"/mysql/*.up.sql; do "${my[@]}" <"$file"; done
}

shape_mariadb() {
    local table
    for table in $(tables "$1"); do
        mariadb --no-defaults -N -B -u root -S "$DATABASE_SOCKETS/sock" -e "SHOW CREATE TABLE $table" "notary$1" |
            sed -e 's/\\n/\n/g' -e 's/ AUTO_INCREMENT=[0-9]*//'
    done
}

clean_up() {
    local kind
    for kind in postgres mariadb; do
        [[ ! -f $work/$kind/pid ]] || "$database" stop "$work/$kind"
    done
    rm -rf "$work"
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
database=$here/../../../test-registry/database
main "$@"
