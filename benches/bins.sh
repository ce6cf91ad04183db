#!/usr/bin/env bash
# 100 000 tags in the registry itself: what signing one more and checking one costs, in time and in bytes on the line;
# and checking a small collection there beside trust servers. COUNTERSIGN is the program to measure; `make bench` sets
# it. TAGS=n and RUNS=n change the numbers.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin bins
    start_stage "$work/tls" --trust notary-server --registry-tls --no-docker
    start_stage "$work/run" --trust none --no-docker
    enter_stage "$work/tls"
    tls_registry=$REGISTRY
    small_collections
    enter_stage "$work/run"
    count_bytes
    image=127.0.0.1:$line/bench/bins
    fill
    heading
    sign_rows
    publish_folder
    verify_rows oci --server oci
    verify_rows web --insecure-http --server "http://127.0.0.1:$files_line/metadata"
    verify_rows file --server "file://$work/metadata"
    beside_servers
    printf '\n%s\n' "Times are medians. Bytes are those on the line, both ways told apart, requests and answers whole."
}

# --- the ground ------------------------------------------------------------------------------------

# Lines that count what passes: one to the registry, one to a web server with the same files.
count_bytes() {
    open_line "${REGISTRY##*:}" registry
    line=$opened
    mkdir -p "$work/metadata"
    start "$work/files-port" python3 -u -m http.server --bind 127.0.0.1 --directory "$work" 0
    open_line "$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/files-port")" files
    files_line=$opened
}

# open_line PORT NAME: its port in $opened, what passed in the file NAME.
open_line() {
    start "$work/$2-line" python3 -u -c "$counter" "$1" "$work/$2-bytes"
    opened=$(<"$work/$2-line")
}

# As many tags as a command line holds at a time. What one call signs is one publication.
fill() {
    local first last step=20000
    for ((first = 1; first <= tags; first += step)); do
        last=$((first + step - 1 < tags ? first + step - 1 : tags))
        seq -f "$image:v%.0f" "$first" "$last" |
            xargs -s 1500000 "$program" --server oci sign --quiet --digest "$digest" --size 527 >/dev/null
    done
}

# The files of the registry as a folder, for clients that read no registry: with / in the names of roles quoted, for
# who reads the folder itself, and as a path, for web servers, which take the quotes off.
publish_folder() {
    local name blob file path
    curl -sf -H "Accept: $manifest_type" "http://$REGISTRY/v2/bench/bins/manifests/_tuf" >"$work/manifest"
    jq -r '.layers[] | "\(.annotations["tuf.io/filename"]) \(.digest)"' "$work/manifest" |
        while read -r name blob; do
            printf 'url = "http://%s/v2/bench/bins/blobs/%s"\noutput = "%s/metadata/%s"\n' "$REGISTRY" "$blob" "$work" "$name"
        done >"$work/fetch"
    curl -sf --config "$work/fetch"
    for file in "$work"/metadata/*%2F*; do
        path=${file//%2F//}
        mkdir -p "${path%/*}"
        ln -f "$file" "$path"
    done
}

# One tag in a registry and the same at two trust servers, notary-server and ours, all over TLS.
small_collections() {
    local place
    start_ours --listen 127.0.0.1:0 --data "$work/own" --tls-cert "$work/tls/tls/server.crt" --tls-key "$work/tls/tls/server.key"
    for place in "$tls_registry" "${ours#https://}"; do
        mkdir -p "$DOCKER_CONFIG/tls/$place"
        cp "$TEST_CA" "$DOCKER_CONFIG/tls/$place/ca.crt"
    done
    # At each with a name of its own: a name has one state in a trust directory.
    sign_small oci "$tls_registry/bench/small:v1"
    sign_small "$TRUST_SERVER" "$tls_registry/bench/small:v1"
    sign_small "$ours" "$tls_registry/bench/small-ours:v1"
}

sign_small() { "$program" --server "$1" sign --quiet "$2" --digest "$digest" --size 527 >/dev/null; }

# --- the rows --------------------------------------------------------------------------------------

sign_rows() {
    local next="openssl rand -hex -out $work/digest 32" up
    printf '%s\n' '#!/bin/sh' "read -r digest <$work/digest" \
        "exec $program --server oci sign $image:v77 --digest sha256:\$digest --size 527" >"$work/sign"
    chmod +x "$work/sign"
    row "oci: sign one tag among $tags" "$(median_ms "$runs" "$next" "$work/sign")" ms 300
    $next
    forget_bytes
    "$work/sign" >/dev/null 2>&1
    up=$(passed registry up)
    row "oci: sent to sign it" "$up" kB 200
    row "oci: received to sign it" "$(passed registry down)" kB ''
    $next
    row "oci: peak memory to sign it" "$(median_mib 1 "$work/sign")" MiB ''
}

# verify_rows NAME OPTIONS…
verify_rows() {
    local name=$1 from=registry command
    shift
    [[ $name != web ]] || from=files
    command="$program $* verify $image:v99"
    row "$name: check one tag among $tags, warm" "$(median_ms "$runs" '' "$command")" ms ''
    row "$name: the same, cold" "$(median_ms "$runs" "rm -rf $DOCKER_CONFIG/trust/tuf1 $DOCKER_CONFIG/trust/countersign" "$command")" ms ''
    [[ $name != file ]] || return 0
    forget_cache
    forget_bytes
    : >"$work/run/log/registry.log"
    $command >/dev/null 2>&1
    row "$name: read for it, cold" "$(passed "$from" down)" kB 200
    [[ $name != oci ]] || row "$name: requests for it, one after the other, cold" "$(requests)" '' 4
    forget_bytes
    $command >/dev/null
    row "$name: read for it, warm" "$(passed "$from" down)" kB 200
}

# The same tag, in the registry and at trust servers. The bar is notary-server's time and a fifth.
beside_servers() {
    local times
    enter_stage "$work/tls"
    times=$(medians_by_turns "$((runs * 3))" '' \
        "$program --server $TRUST_SERVER verify $tls_registry/bench/small:v1" \
        "$program --server oci verify $tls_registry/bench/small:v1" \
        "$program --server $ours verify $tls_registry/bench/small-ours:v1")
    mapfile -t times <<<"$times"
    row "notary-server: check one tag, warm" "${times[0]}" ms ''
    row "oci: check one tag, warm" "${times[1]}" ms "$(jq -n --arg it "${times[0]}" '($it | tonumber) * 12 | round / 10')"
    row "countersign serve: check one tag, warm" "${times[2]}" ms ''
}

# --- measuring -------------------------------------------------------------------------------------

forget_cache() { rm -rf "$DOCKER_CONFIG/trust/tuf1" "$DOCKER_CONFIG/trust/countersign"; }

forget_bytes() { rm -f "$work"/*-bytes; }

# passed LINE up|down: kilobytes.
passed() {
    sleep 0.3
    awk -v way="$2" '{ up += $1; down += $2 } END { printf "%.1f\n", (way == "up" ? up : down) / 1000 }' "$work/$1-bytes"
}

# What the registry was asked for since its log was emptied; not counted is the question whether it speaks https, which
# only registries of this machine get.
requests() { grep -c '"GET /v2/bench/bins/' "$work/run/log/registry.log"; }

# --- the table -------------------------------------------------------------------------------------

heading() { printf '%-52s %13s %12s\n' '' countersign bar; }

# row WHAT FOUND UNIT LIMIT
row() {
    local verdict=''
    [[ -n $2 ]] || { echo "$1: not measured" >&2; exit 1; }
    [[ -z $4 ]] || verdict=$(jq -rn --arg found "$2" --arg limit "$4" 'if ($found | tonumber) <= ($limit | tonumber) then "ok" else "MISSED" end')
    printf '%-52s %13s %12s  %s\n' "$1" "$2 $3" "${4:+≤ $4 $3}" "$verdict"
}

# Passes everything on to a port of this machine. For each connection a line when it ends: bytes up, bytes down.
counter=$(
    cat <<'PYTHON'
import asyncio, sys
port, log = int(sys.argv[1]), sys.argv[2]

async def serve(reader, writer):
    count = {"up": 0, "down": 0}
    there, away = await asyncio.open_connection("127.0.0.1", port)

    async def pass_on(source, sink, way):
        while chunk := await source.read(65536):
            count[way] += len(chunk)
            sink.write(chunk)
            await sink.drain()
        sink.close()

    await asyncio.gather(pass_on(reader, away, "up"), pass_on(there, writer, "down"), return_exceptions=True)
    with open(log, "a") as file:
        file.write(f"{count['up']} {count['down']}\n")

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
PYTHON
)

tags=${TAGS:-100000} runs=${RUNS:-20}
digest=sha256:3bfc269594ef649228e9a74bab00f042efc91d5acc6fbee31a382e80d42388fe
manifest_type=application/vnd.oci.image.manifest.v1+json
readonly tags runs digest manifest_type counter
main "$@"
