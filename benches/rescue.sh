#!/usr/bin/env bash
# All collections of a trust server rescued with one command, from notary-server and from ours: how long, how much memory,
# and what the server had to do for it. COUNTERSIGN is the program; `make bench` sets it. COLLECTIONS=n changes their number.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin rescue "${TMPDIR:-/var/tmp}"
    local server
    for server in notary-server countersign; do
        start_stage "$work/$server" --trust "$server" --no-docker
        # In a shell of its own: what one stage sets is not for the next.
        (measure "$server")
        end_stage "$work/$server"
    done
}

measure() {
    enter_stage "$work/$1"
    cd "$work/$1"
    # One at a time: notary-server dies of two foundings at once.
    "$program" key generate -q alice >/dev/null
    seq -f "$REGISTRY/rescue/%g" "$collections" >list
    "$program" -q signer add alice --key alice.pub --from-file list --jobs 1 >signed || { tail -3 signed >&2; return 1; }
    echo "$collections collections on $1"
    rescued fast --rate 10000 --jobs 16
    # Nothing changed: a request for each.
    rescued fast --rate 10000 --jobs 16
    rescued paced
    verified fast.tar
}

# rescued NAME OPTIONS...: into NAME.tar; the server's own CPU time is told beside the wall's.
rescued() {
    local name=$1 began before asked ms busy count
    shift
    began=$(now) before=$(server_ticks) asked=$(requests)
    /usr/bin/time -f %M -o peak "$program" -q rescue --to "$name.tar" --from-file list "$@" >told || { tail -3 told >&2; return 1; }
    ms=$(since "$began") busy=$((($(server_ticks) - before) * 10)) count=$(($(requests) - asked))
    printf '  rescue, %-22s %8d ms  %6d requests  peak %6d KiB  server busy %3d %%\n' \
        "${*:-as it comes}" "$ms" "$count" "$(tail -1 peak)" $((100 * busy / ms))
    ((count == 0)) || printf '  %50s %5d requests/s, archive of %d KiB\n' '' $((1000 * count / ms)) "$(($(stat -c %s "$name.tar") / 1024))"
}

verified() {
    local began
    began=$(now)
    /usr/bin/time -f %M -o peak "$program" -q rescue verify "$1" >told || { tail -3 told >&2; return 1; }
    printf '  rescue verify %24s %8d ms  peak %6d KiB\n' '' "$(since "$began")" "$(tail -1 peak)"
}

# The server's CPU time so far, in hundredths of a second.
server_ticks() {
    local pid
    pid=$(awk '$1 == "notary_server" || $1 == "countersign" { print $2 }' pids)
    awk '{ print $14 + $15 }' "/proc/$pid/stat"
}

# What the trust server was asked so far.
requests() { grep -c '"event":"request"\|response completed' "$TRUST_LOG" || true; }

collections=${COLLECTIONS:-1000}
main
