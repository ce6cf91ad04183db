#!/usr/bin/env bash
# One signer removed from many repositories in one command, on our own trust server; and how long a command takes
# until it asks the server. COUNTERSIGN is the program; `make bench` sets it. REPOSITORIES=n changes their number.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin team "${TMPDIR:-/var/tmp}"
    start_stage "$work/run" --trust countersign --no-docker
    enter_stage "$work/run"
    cd "$work"
    local name
    for name in alice bob; do "$program" key generate -q "$name" >/dev/null; done
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
    "$program" -q "$@" >out || { tail -3 out >&2; return 1; }
    printf '%-50s %8d ms\n' "$what" "$(since "$began")"
}

# before_the_first_byte COMMAND...: all that happens before the server is asked, at most: nobody listens there.
before_the_first_byte() {
    printf '%-50s %8d us at most before the first byte\n' "$*" "$(median_us 21 unanswered "$@")"
}

unanswered() { "$program" -q --server https://127.0.0.1:1 "$@" || true; }

repositories=${REPOSITORIES:-200}
main
