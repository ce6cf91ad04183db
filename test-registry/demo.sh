#!/usr/bin/env bash
# The story in the terminal: an image is pushed, signed and pulled; then an attacker who owns the
# registry and the line to the trust server tries three things. All parts are real. COUNTERSIGN is
# the program to show; `make demo` sets it. TRUST=notary-server takes Notary's trust server instead
# of `countersign serve`.
set -euo pipefail

main() {
    work=$(mktemp -d /tmp/countersign-demo.XXXXXX)
    trap 'clean_up' EXIT
    set_the_stage
    sign_and_pull
    the_tag_moves
    the_past_returns
    a_signature_is_swapped
    the_line_goes_dead
    title "The attacker gives up"
    show_as_host countersign verify "$image:1"
    say "Whenever the host asked, it got what was signed, or nothing."
}

# --- the stage: a publisher, a host, and somebody between the host and the trust server -----------

set_the_stage() {
    title "A registry, a trust server and a docker, all on this machine"
    "$here/start" --trust "${TRUST:-countersign}" "$work/run"
    # shellcheck disable=SC1091  # made by the line above
    source "$work/run/env"
    image=$REGISTRY/team/web
    start_attacker
    # The host has nothing of the publisher's: no keys, no cache. It reaches the trust server by the attacker's line.
    host=$work/host
    mkdir -p "$host/tls/${line#https://}"
    cp "$TEST_CA" "$host/tls/${line#https://}/ca.crt"
    say "registry $REGISTRY, trust server ${TRUST_SERVER#https://} (${TRUST:-countersign serve}); the host believes the latter is at ${line#https://}"
}

start_attacker() {
    attacker_does honest
    python3 "$here/attacker.py" --upstream "$TRUST_SERVER" --ca "$TEST_CA" --behaviour "$work/behaviour" \
        --tls-cert "$work/run/tls/server.crt" --tls-key "$work/run/tls/server.key" --log "$work/requests" >"$work/line" &
    attacker=$!
    local polls
    for ((polls = 0; polls < 100; polls++)); do
        [[ ! -s $work/line ]] || break
        sleep 0.05
    done
    line=$(<"$work/line")
}

attacker_does() { echo "$*" >"$work/behaviour"; }

clean_up() {
    local status=$?
    [[ -z ${attacker-} ]] || kill "$attacker" 2>/dev/null || true
    [[ ! -f $work/run/pids ]] || "$here/stop" "$work/run"
    rm -rf "$work"
    ((status == 0)) || echo "demo: it did not go as told (exit $status)" >&2
}

# --- the story -------------------------------------------------------------------------------------

sign_and_pull() {
    title "The publisher pushes an image and signs what the tag means"
    "$here/seed" --text 'hello, I am version 1' team/web:1
    show countersign sign "$image:1"
    title "The host pulls it, if it is what was signed"
    attacker_does record "$work/past"
    show_as_host countersign verify-pull "$image:1"
    attacker_does honest
    show_as_host docker run --rm --network none "$image:1"
}

the_tag_moves() {
    title "Attack 1: the tag moves in the registry"
    local signed
    signed=$(digest_of "$image:1")
    "$here/seed" --text 'EVIL WAS HERE' team/web:1
    forget_images
    say "Docker alone believes the registry:"
    show_as_host docker pull --quiet "$image:1"
    show_as_host docker run --rm --network none "$image:1"
    say "The signature still says what the tag means:"
    forget_images
    show_as_host countersign verify-pull "$image:1"
    show_as_host docker run --rm --network none "$image:1"
    say "So the attacker deletes the signed image, to leave only the evil one:"
    forget_images
    delete_image "$signed"
    refused 7 countersign verify-pull "$image:1"
    say "And a tag that nobody ever signed:"
    "$here/seed" --text 'EVIL WAS HERE' team/web:2
    refused 3 countersign verify-pull "$image:2"
}

the_past_returns() {
    title "Attack 2: the past returns"
    say "Version 1 had a hole. The publisher mends it, and signs; the host sees that:"
    "$here/seed" --text 'hello, I am version 1 without the hole' team/web:1
    show countersign sign "$image:1"
    show_as_host countersign verify "$image:1"
    say "The attacker kept the old metadata, every byte of it properly signed, and serves it again:"
    attacker_does replay "$work/past"
    refused 4 countersign verify "$image:1"
    attacker_does honest
}

a_signature_is_swapped() {
    title "Attack 3: a genuine signature under something else"
    say "New timestamp, old timestamp's signature, by the very same key:"
    attacker_does swap timestamp "$work/past"
    refused 4 countersign verify "$image:1"
    attacker_does honest
}

the_line_goes_dead() {
    title "And if nobody answers?"
    say "Docker would have taken its cache, with a warning. That hides a fix for as long as the line stays dead:"
    attacker_does close
    refused 5 countersign verify "$image:1"
    attacker_does honest
}

digest_of() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1"; }

# The manifest and all that it names: docker may still have the manifest of an image that it forgot.
delete_image() {
    local blob blobs manifest=manifests/$1
    blobs=$(curl -sSf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "$REGISTRY_URL/v2/team/web/$manifest" |
        grep -o 'sha256:[0-9a-f]\{64\}')
    for blob in $blobs; do
        delete "blobs/$blob"
    done
    delete "$manifest"
}

# The registry may go on answering for a moment from what it remembers.
delete() {
    local tries url=$REGISTRY_URL/v2/team/web/$1
    for ((tries = 0; tries < 50; tries++)); do
        curl -sS -o /dev/null -X DELETE "$url"
        [[ $(curl -sS -o /dev/null -w '%{http_code}' "$url") != 404 ]] || return 0
        sleep 0.1
    done
    return 1
}

# So that docker must ask the registry again.
forget_images() {
    local ids
    mapfile -t ids < <(docker image ls --quiet --no-trunc "$image" | sort -u)
    ((${#ids[@]} == 0)) || docker image rm --force "${ids[@]}" >/dev/null
}

# --- the telling -----------------------------------------------------------------------------------

title() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }

say() { printf '%s%s%s\n' "$dim" "$1" "$plain"; }

# show COMMAND…: prints and runs it; a failure ends the demo.
show() {
    printf '%s$ %s%s\n' "$bold" "$*" "$plain"
    "$@"
}

show_as_host() { as_host show "$@"; }

# refused CODE COMMAND…: shows a command of the host's that must fail, and with this code.
refused() {
    local code=0 expected=$1
    shift
    show_as_host "$@" || code=$?
    if ((code != expected)); then
        echo "demo: expected exit code $expected, not $code" >&2
        exit 1
    fi
    printf '%srefused%s (exit %d)\n' "$red" "$plain" "$code"
}

as_host() { DOCKER_CONFIG=$host DOCKER_CONTENT_TRUST_SERVER=$line "$@"; }

countersign() { "$program" "$@"; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
program=${COUNTERSIGN:?the program to show; or use make demo}
bold='' dim='' red='' plain=''
if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'; fi
readonly here program bold dim red plain
main "$@"
