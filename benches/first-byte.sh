#!/usr/bin/env bash
# How long commands take until their first byte is on the wire, and what the shim adds to docker. COUNTERSIGN is the
# program to measure; `make bench` sets it. RUNS=n changes the number of runs. Fails if a bar is missed.
set -euo pipefail
# shellcheck source=benches/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

main() {
    begin bench
    start_stage "$work/run" --trust notary-server
    enter_stage "$work/run"
    printf '%-66s %12s %12s\n' 'milliseconds' 'taken' 'bar'
    first_bytes
    shim_rows
    ((missed == 0)) || { printf '%s\n' "$missed bars were missed"; exit 1; }
}

# row WHAT TAKEN BAR
row() {
    printf '%-66s %12s %12s\n' "$1" "$2" "$3"
    if jq -e -n "$2 > $3" >/dev/null; then ((missed += 1)); fi
}

# --- until the first byte --------------------------------------------------------------------------

first_bytes() {
    local home=$work/home taken line
    furnish "$home"
    commands >"$work/commands"
    env HOME="$home" DOCKER_CONFIG="$home/.docker" DOCKER_CONTENT_TRUST=1 "$top/benches/first-byte.py" wire "$runs" "$home" \
        <"$work/commands" >"$work/taken"
    while IFS=$'\t' read -r taken line; do
        row "$(named "$line")" "$taken" 15
    done <"$work/taken"
}

# A command as one would type it.
named() {
    sed "s|$program|countersign|; s|$work/home/bin/||; s| --server [^ ]*||; s| -s [^ ]*||; s|^env [^ ]* ||; s|127.0.0.1:PORT/||; s|sha256:a*|DIGEST|" <<<"$1"
}

# A home with keys, a cached collection of another server, a staged change: as it is in use.
furnish() {
    local home=$1 image=$REGISTRY/bench/first:1
    mkdir -p "$home/.docker" "$home/bin" "$home/.notary"
    cp -r "$DOCKER_CONFIG/tls" "$home/.docker"
    "$top/test-registry/seed" bench/first:1 >/dev/null
    HOME=$home DOCKER_CONFIG=$home/.docker "$program" -q sign "$image" >/dev/null
    HOME=$home DOCKER_CONFIG=$home/.docker "$program" -q key generate alice --dir "$home" >/dev/null
    cp -r "$home/.docker/trust/private" "$home/.notary"
    ln -s "$program" "$home/bin/docker"
    ln -s "$program" "$home/bin/notary"
    ln -s "$program" "$home/bin/docker-trust"
    printf '%s\n' 'ARG IMAGE' "FROM \$IMAGE" >"$home/Dockerfile"
}

# PORT is the listener's; the image is there, and so is its trust server.
commands() {
    local ours="$program --server https://127.0.0.1:PORT" image=127.0.0.1:PORT/team/web
    local notary="$work/home/bin/notary -s https://127.0.0.1:PORT"
    local digest
    digest=sha256:$(printf 'a%.0s' {1..64})
    sed 's/^ *//' <<COMMANDS
        $ours verify $image:1
        $ours verify-pull $image:1
        $ours pull $image:1 --to oci:out
        $ours inspect $image:1
        $ours list $image
        $ours explain $image:1
        $ours history $image
        $ours diff $image 1 2
        $ours sign $image:1 --digest $digest --size 405
        $program sign $image:1
        $ours revoke $image:1
        $ours init $image
        $ours publish $image
        $ours witness $image targets
        $ours refresh $image
        $ours status $image --within 30d
        $ours signer list $image
        $ours signer add --key alice.pub alice $image
        $ours signer remove alice $image
        $ours delegation list $image
        $ours key rotate $image targets
        $ours delete $image --remote --yes
        $notary init team/web
        $notary list team/web
        $notary lookup team/web 1
        $notary publish team/web
        $notary delegation list team/web
        $notary key rotate team/web snapshot -r
        env DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:PORT $work/home/bin/docker-trust inspect $image
        env DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:PORT $work/home/bin/docker-trust sign $image:1
        env DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:PORT $work/home/bin/docker-trust revoke $image:1
        env DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:PORT $work/home/bin/docker pull $image:1
        env DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:PORT $work/home/bin/docker run $image:1
        env DOCKER_CONTENT_TRUST_SERVER=https://127.0.0.1:PORT $work/home/bin/docker build --build-arg IMAGE=$image:1 .
COMMANDS
}

# --- the shim --------------------------------------------------------------------------------------

# What it adds where content trust is off, over a docker that does nothing; and to a pull of what is here already, as
# docker's own content trust does. Both sides take turns: a daemon is quicker in one minute than in the next.
shim_rows() {
    local fake=$work/fake shim=$work/home/bin/docker image=$REGISTRY/bench/first:1 added plain named
    mkdir "$fake"
    cp /bin/true "$fake/docker"
    read -r added plain < <(COUNTERSIGN_DOCKER=$fake/docker "$top/benches/first-byte.py" between 200 "$fake/docker ps" "$shim ps")
    row "docker through the shim, trust off: added" "$added" 3
    named=${image%:*}@$("$program" verify "$image" | cut -d @ -f 2)
    docker pull --quiet "$named" >/dev/null
    export DOCKER_CONTENT_TRUST=1
    "$shim" pull --quiet "$image" >/dev/null
    # A digest is docker's own business, with or without content trust.
    read -r added plain < <("$top/benches/first-byte.py" between "$((runs * 2))" "docker pull $named" "$shim pull $image")
    row "docker pull through the shim: added to $plain" "$added" 10
    read -r added plain < <("$top/benches/first-byte.py" between "$((runs * 2))" "docker pull $named" "docker pull $image")
    printf '%-66s %12s\n' "docker pull with docker's own content trust: added to $plain" "$added"
}

runs=${RUNS:-20}
missed=0
readonly runs
main
