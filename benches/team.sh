#!/usr/bin/env bash
# One signer removed from many repositories in one command, on our own trust server; and how long a command takes
# until it asks the server. COUNTERSIGN is the program; `make bench` sets it. REPOSITORIES=n changes their number.
set -euo pipefail
shopt -s inherit_errexit

main() {
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/countersign-team.XXXXXX")
    trap 'clean_up' EXIT
    "$top/test-registry/start" --trust countersign --no-docker "$work/run" >&2
    # shellcheck disable=SC1091  # made by the line above
    source "$work/run/env"
    cd "$work"
    local name
    for name in alice bob; do "$COUNTERSIGN" key generate -q "$name" >/dev/null; done
    seq -f "$REGISTRY/fleet/%g" "$repositories" >list
    timed "alice added to $repositories new repositories" signer add alice --key alice.pub --from-file list
    timed "bob added" signer add bob --key bob.pub --from-file list
    timed "alice removed" signer remove alice --from-file list --journal journal
    timed "alice removed again, by the journal" signer remove alice --from-file list --journal journal
    timed "who ends when" status --within 30d
    before_the_first_byte signer list x
    before_the_first_byte history x
    before_the_first_byte delegation list x
    before_the_first_byte key rotate --yes x root
}

# timed WHAT COMMAND...
timed() {
    local what=$1 began
    shift
    began=$(now)
    "$COUNTERSIGN" -q "$@" >out || { tail -3 out >&2; return 1; }
    printf '%-50s %8d ms\n' "$what" $((($(now) - began) / 1000000))
}

# before_the_first_byte COMMAND...: all that happens before the server is asked, at most: nobody listens there.
before_the_first_byte() {
    local run began
    for ((run = 0; run < 21; run++)); do
        began=$(now)
        "$COUNTERSIGN" -q --server https://127.0.0.1:1 "$@" >/dev/null 2>&1 || true
        echo $((($(now) - began) / 1000))
    done | sort -n | sed -n 11p | while read -r median; do
        printf '%-50s %8d us at most before the first byte\n' "$*" "$median"
    done
}

now() { date +%s%N; }

clean_up() {
    [[ ! -f $work/run/pids ]] || "$top/test-registry/stop" "$work/run"
    rm -rf "$work"
}

top=$(cd "$(dirname "$0")/.." && pwd)
repositories=${REPOSITORIES:-200}
: "${COUNTERSIGN:?the program to measure}"
main
