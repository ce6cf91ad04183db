#!/usr/bin/env bash
# countersign beside notary and docker, on the same server, in one run: wall time, peak memory, round
# trips. COUNTERSIGN is the program to measure; `make bench` sets it. RUNS=n changes the number of runs.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin bench
    start_stage "$work/run" --trust notary-server
    enter_stage "$work/run"
    open_a_logged_line
    make_collections
    heading
    verify_rows small v1 "1 tag" "$((runs * 2))" 2 6 12
    verify_rows big v20000 "20 000 tags" "$runs" 40 '' 16
    round_trip_rows
    sign_rows small v1 "1 tag" "$runs" 2 3 ''
    sign_rows big v20000 "20 000 tags" "$((runs / 3 + 2))" 4 '' 32
    pull_rows
    concurrency_rows
    own_server_rows
    printf '\n%s\n' "Times are medians. Ratios say how many times less countersign needs."
}

# --- the ground ------------------------------------------------------------------------------------

# A proxy that answers late, so that requests made side by side are seen to be.
open_a_logged_line() {
    echo "stall $delay" >"$work/behaviour"
    start "$work/line" python3 "$top/test-registry/attacker.py" --upstream "$TRUST_SERVER" --ca "$TEST_CA" \
        --behaviour "$work/behaviour" --tls-cert "$work/run/tls/server.crt" --tls-key "$work/run/tls/server.key" \
        --log "$work/requests"
    line=$(<"$work/line")
    mkdir -p "$DOCKER_CONFIG/tls/${line#https://}"
    cp "$TEST_CA" "$DOCKER_CONFIG/tls/${line#https://}/ca.crt"
}

# Collections with 1 tag and with 20 000, made by notary, the snapshot key at the server as docker has it: one to
# verify and for ours to sign, and for the others one each to sign, so that nobody fetches what another has published.
# Each tool then has a trust directory of its own: keys (of the same passphrases), no cache.
make_collections() {
    local maker=$work/maker name
    for name in {small,big}{,-notary,-docker}; do collection "$name"; done
    hand_out
}

hand_out() {
    local who
    for who in ours notary docker; do
        mkdir -p "$work/$who"
        cp -r "$DOCKER_CONFIG"/* "$work/$who"
        mkdir -p "$work/$who/trust"
        cp -r "$maker/private" "$work/$who/trust/private"
    done
}

collection() {
    local gun=$REGISTRY/bench/$1
    notary -d "$maker" init "$gun"
    notary -d "$maker" publish "$gun"
    notary -d "$maker" key rotate "$gun" snapshot --server-managed
    if [[ $1 == small* ]]; then
        notary -d "$maker" addhash "$gun" v1 527 --sha256 "$(openssl rand -hex 32)"
    else
        stage_many "$maker/tuf/$gun/changelist" 20000
    fi
    notary -d "$maker" publish "$gun"
} >/dev/null

# Changes as notary's own change list keeps them; 20 000 calls of `notary addhash` would take a while.
stage_many() {
    python3 - "$1" "$2" <<'PYTHON'
import base64, hashlib, json, pathlib, sys, uuid
directory, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
directory.mkdir(parents=True, exist_ok=True)
for number in range(1, count + 1):
    digest = base64.b64encode(hashlib.sha256(b"%d" % number).digest()).decode()
    meta = json.dumps({"length": 527, "hashes": {"sha256": digest}})
    change = {"action": "create", "role": "targets", "type": "target", "path": f"v{number}",
              "data": base64.b64encode(meta.encode()).decode()}
    (directory / f"{number:020}_{uuid.uuid4()}.change").write_text(json.dumps(change))
PYTHON
}

# --- the rows --------------------------------------------------------------------------------------

# verify_rows COLLECTION TAG TITLE RUNS BAR-NOTARY BAR-DOCKER BAR-MEMORY
verify_rows() {
    local image=$REGISTRY/bench/$1 times
    local mine="$program verify $image:$2" notary="notary -d $work/notary/trust lookup $image $2" docker="docker trust inspect $image:$2"
    mapfile -t times < <(milliseconds "$4" '' ours "$mine" notary "$notary" docker "$docker")
    row "verify, warm, $3: notary lookup" "${times[0]}" "${times[1]}" ms "$5"
    row "verify, warm, $3: docker trust inspect" "${times[0]}" "${times[2]}" ms "$6"
    limit_row "verify, warm, $3: peak memory (notary)" "$(mebibytes ours "$mine")" "$(mebibytes notary "$notary")" MiB "$7"
    # shellcheck disable=SC2016  # each has its own
    mapfile -t times < <(milliseconds "$4" 'rm -rf "$DOCKER_CONFIG/trust/tuf"' ours "$mine" notary "$notary" docker "$docker")
    row "verify, cold, $3: notary lookup" "${times[0]}" "${times[1]}" ms ''
    row "verify, cold, $3: docker trust inspect" "${times[0]}" "${times[2]}" ms ''
}

round_trip_rows() {
    local image=$REGISTRY/bench/small ours theirs
    ours=$(rounds ours "$program" --server "$line" verify "$image:v1")
    theirs=$(rounds notary notary -d "$work/notary/trust" -s "$line" lookup "$image" v1)
    limit_row "verify, cold: sequential round trips (notary)" "$ours" "$theirs" '' 4
    theirs=$(DOCKER_CONTENT_TRUST_SERVER=$line rounds docker docker trust inspect "$image:v1")
    limit_row "verify, cold: sequential round trips (docker)" "$ours" "$theirs" '' 4
    ours=$(warm=yes rounds ours "$program" --server "$line" verify "$image:v1")
    theirs=$(warm=yes rounds notary notary -d "$work/notary/trust" -s "$line" lookup "$image" v1)
    limit_row "verify, warm: sequential round trips (notary)" "$ours" "$theirs" '' 1
}

# sign_rows COLLECTION TAG TITLE RUNS BAR-NOTARY BAR-DOCKER BAR-MEMORY: another digest each time. docker signs
# again what is signed, since any other digest it would take from a push: the least it can do.
sign_rows() {
    local image=$REGISTRY/bench/$1 times notary="notary -d $work/notary/trust" next="openssl rand -hex -out $work/digest 32"
    script sign-ours "exec $program sign $image:$2 --digest sha256:\$digest --size 527"
    script sign-notary "$notary addhash $image-notary $2 527 --sha256 \$digest && exec $notary publish $image-notary"
    script sign-docker "exec docker trust sign $image-docker:$2"
    mapfile -t times < <(milliseconds "$4" "$next" ours "$work/sign-ours" notary "$work/sign-notary" docker "$work/sign-docker")
    row "sign, $3: notary addhash + publish" "${times[0]}" "${times[1]}" ms "$5"
    server_row "$3" "$4" "${times[1]}"
    row "sign, $3: docker trust sign" "${times[0]}" "${times[2]}" ms "$6"
    limit_row "sign, $3: peak memory (notary)" "$(mebibytes ours "$work/sign-ours")" "$(mebibytes notary "$work/sign-notary")" MiB "$7"
}

# server_row TITLE RUNS NOTARY: what notary-server takes by its own log for what we publish, beside all that notary
# takes: the ratio of a client that needs no time at all.
server_row() {
    local log=$work/run/log/notary_server.log part
    [[ -f $log ]] || return 0
    part=$(jq -Rr 'fromjson? | select(.msg == "response completed" and .["http.request.method"] == "POST"
            and (.["http.request.useragent"] | startswith("countersign/"))) | .["http.response.duration"]
        | capture("^(?<n>[0-9.]+)(?<unit>µs|ms|s)$") | (.n | tonumber) * {"µs": 0.001, "ms": 1, "s": 1000}[.unit]' "$log" |
        tail -n "$2" | jq -s 'sort | .[length / 2 | floor]')
    row "sign, $1: notary-server's own part of ours" "$part" "$3" ms ''
}

# script NAME TEXT: a shell script that finds $digest in a file. Its shell costs each tool the same.
script() {
    printf '#!/bin/sh\nread -r digest <%s\n%s\n' "$work/digest" "$2" >"$work/$1"
    chmod +x "$work/$1"
}

# What trust adds to a pull of an image that is there already.
pull_rows() {
    local image=$REGISTRY/bench/pull:1 named times
    named=$("$top/test-registry/seed" bench/pull:1)
    docker pull --quiet "$image" >/dev/null
    DOCKER_CONTENT_TRUST=1 docker push --quiet "$image" >/dev/null
    named=$(docker trust inspect "$image" | jq -r --arg name "${image%:*}" '$name + "@sha256:" + .[0].SignedTags[0].Digest')
    docker pull --quiet "$named" >/dev/null
    mapfile -t times < <(milliseconds "$runs" '' docker "docker pull $named" ours "$program verify-pull $image" \
        docker "DOCKER_CONTENT_TRUST=1 docker pull $image")
    row "verify-pull adds to docker pull: docker's own trust" "$(minus "${times[1]}" "${times[0]}")" "$(minus "${times[2]}" "${times[0]}")" ms 1
}

minus() { jq -n --arg a "$1" --arg b "$2" '($a | tonumber) - ($b | tonumber)'; }

# Most of the time in which a large collection is signed is notary-server's: the same clients with countersign serve.
own_server_rows() {
    local work=$work/own name
    local maker=$work/maker
    mkdir "$work"
    start_stage "$work/run" --trust countersign --no-docker
    enter_stage "$work/run"
    for name in big{,-notary,-docker}; do collection "$name"; done
    hand_out
    sign_rows big v20000 "20 000 tags, countersign serve" "$((runs / 3 + 2))" 4 '' 32
}

# Sixteen jobs, a tag each. The first race is for a collection that does not exist yet, by jobs that share the
# keys; the second for one that does, by machines that have the keys and no cache. Afterwards notary counts the tags.
concurrency_rows() {
    local image digest ours theirs
    digest=$(openssl rand -hex 32)
    image=$REGISTRY/bench/race-new
    together sign_ours_here
    printf '%-52s %7d of 16\n' "16 jobs sign 16 tags of a new collection: arrived" "$(tags_there)"
    image=$REGISTRY/bench/race
    notary -d "$work/maker" init "$image" >/dev/null
    notary -d "$work/maker" publish "$image" >/dev/null
    notary -d "$work/maker" key rotate "$image" snapshot --server-managed >/dev/null
    cp "$work/maker/private"/* "$work/ours/trust/private"
    cp "$work/maker/private"/* "$work/notary/trust/private"
    together sign_ours_elsewhere
    ours=$(tags_there)
    image=$REGISTRY/bench/race-notary
    notary -d "$work/notary/trust" init "$image" >/dev/null
    notary -d "$work/notary/trust" publish "$image" >/dev/null
    together sign_notary_elsewhere
    theirs=$(tags_there)
    printf '%-52s %7d of 16 %7d of 16\n' "16 machines sign 16 tags at once: arrived (notary)" "$ours" "$theirs"
}

together() {
    local job jobs=()
    for ((job = 1; job <= 16; job++)); do
        "$1" "$job" >"$work/job-$job" 2>&1 &
        jobs[job]=$!
    done
    for job in "${jobs[@]}"; do wait "$job" || true; done
}

tags_there() { notary -d "$work/counter" list "$image" 2>/dev/null | grep -cE '^v[0-9]+ ' || true; }

sign_ours_here() { DOCKER_CONFIG=$work/ours timeout 60 "$program" sign "$image:v$1" --digest "sha256:$digest" --size 527; }

sign_ours_elsewhere() {
    fresh_machine ours "$1"
    DOCKER_CONFIG=$work/machine-$1 timeout 60 "$program" sign "$image:v$1" --digest "sha256:$digest" --size 527
}

sign_notary_elsewhere() {
    fresh_machine notary "$1"
    notary -d "$work/machine-$1/trust" addhash "$image" "v$1" 527 --sha256 "$digest"
    timeout 60 notary -d "$work/machine-$1/trust" publish "$image"
}

fresh_machine() {
    rm -rf "$work/machine-$2"
    mkdir -p "$work/machine-$2/trust"
    cp -r "$work/$1/tls" "$work/machine-$2"
    cp -r "$work/$1/trust/private" "$work/machine-$2/trust"
}

# --- measuring -------------------------------------------------------------------------------------

# milliseconds RUNS BEFORE-EACH WHO COMMAND…: the medians, each in WHO's configuration.
milliseconds() {
    local count=$1 before_each=$2 commands=()
    shift 2
    while (($# > 0)); do
        commands+=("DOCKER_CONFIG=$work/$1 $2")
        shift 2
    done
    medians_by_turns "$count" "$before_each" "${commands[@]}"
}

# mebibytes WHO COMMAND: the whole command line's peak.
mebibytes() {
    local command
    read -ra command <<<"$2"
    DOCKER_CONFIG=$work/$1 median_mib 5 "${command[@]}"
}

# rounds WHO COMMAND…: how many requests followed one another. Two that overlap are one round.
rounds() {
    local who=$1
    shift
    [[ ${warm-no} == yes ]] || rm -rf "$work/$who/trust/tuf"
    : >"$work/requests"
    DOCKER_CONFIG=$work/$who "$@" >/dev/null 2>&1
    jq -s 'sort_by(.end) | reduce .[] as $r ({rounds: 0, end: 0}; if $r.start >= .end then {rounds: (.rounds + 1), end: $r.end} else . end) | .rounds' \
        "$work/requests"
}

# --- the table -------------------------------------------------------------------------------------

heading() {
    printf '%-52s %13s %13s %8s %10s\n' '' countersign original ratio bar
}

# row WHAT OURS THEIRS UNIT BAR: the bar is the least ratio.
row() {
    jq -rn --arg what "$1" --arg ours "$2" --arg theirs "$3" --arg unit "$4" --arg bar "$5" '
        ($ours | tonumber) as $o | ($theirs | tonumber) as $t | (if $o > 0 then $t / $o else 9999 end) as $ratio
        | [$what, "\($o * 10 | round / 10) \($unit)", "\($t * 10 | round / 10) \($unit)", "\($ratio * 10 | round / 10)",
           (if $bar == "" then "" else "≥ \($bar)" end),
           (if $bar == "" then "" elif $ratio >= ($bar | tonumber) then "ok" else "MISSED" end)] | @tsv' | align
}

# limit_row WHAT OURS THEIRS UNIT LIMIT: the limit is on ours.
limit_row() {
    jq -rn --arg what "$1" --arg ours "$2" --arg theirs "$3" --arg unit "$4" --arg limit "$5" '
        ($ours | tonumber) as $o | ($theirs | tonumber) as $t
        | def tenths: . * 10 | round / 10;
        [$what, "\($o | tenths) \($unit)", "\($t | tenths) \($unit)", "\($t / $o * 10 | round / 10)",
           (if $limit == "" then "" else "≤ \($limit) \($unit)" end),
           (if $limit == "" then "" elif $o <= ($limit | tonumber) then "ok" else "MISSED" end)] | @tsv' | align
}

align() {
    local what ours theirs ratio bar verdict
    IFS=$'\t' read -r what ours theirs ratio bar verdict
    printf '%-52s %13s %13s %8s %10s  %s\n' "$what" "$ours" "$theirs" "$ratio" "$bar" "$verdict"
}

runs=${RUNS:-20}
delay=0.05
readonly runs delay
main "$@"
