#!/usr/bin/env bash
# Makes every case of this directory anew: real metadata, written by notary 0.7 and docker 28.2 and
# countersigned by notary-server, collected from the server as any client would see it.
# `make.sh CASE…` makes only those. Old cases are kept for ever; add new ones.
set -euo pipefail

cases=(
    notary-one-target notary-empty published-twice docker-one-tag docker-two-signers docker-signer-removed
    delegation-restricted-paths delegation-x509-rsa delegation-same-key-twice p384-delegation p521-delegation
    rsa-root root-rotated-twice root-rotated-with-legacy-keys timestamp-rotated snapshot-rotated-to-server
    targets-rotated ecdsa-server-keys odd-target-names path-like-target-names custom-canonical sha512-only-and-both
    local-timezone-expiry no-delegations-left purged witnessed
)

main() {
    work=$(mktemp -d)
    trap 'clean_up' EXIT
    "$top/test-registry/start" --trust notary-server --auth none "$work/run"
    "$top/test-registry/start" --trust notary-server --auth none --signer --no-docker "$work/run-ecdsa"
    # shellcheck disable=SC1091  # made by the lines above
    source "$work/run/env"
    printf 'hello\n' >"$work/hello"
    printf 'world\n' >"$work/world"
    (($#)) || set -- "${cases[@]}"
    for case in "$@"; do make_case; done
}

clean_up() {
    local status=$? run
    ((status == 0)) || { cat "$work/log" >&2 || true; echo "make.sh: ${case-start} failed" >&2; }
    for run in "$work"/run*; do "$top/test-registry/stop" "$run" || true; done
    rm -rf "$work"
}

# Each case is a function that leaves its collection on the server.
make_case() {
    gun=example.com/$case made_by="notary 0.7.0" notes='' trust=$work/trust-$case keep_keys=no
    server=$TRUST_SERVER ca=$TEST_CA
    "case_${case//-/_}" >"$work/log" 2>&1
    rm -rf "${here:?}/$case"
    python3 "$here/collect.py" --server "$server" --ca "$ca" --gun "$gun" --made-by "$made_by" --notes "$notes" \
        "$work/$case-older" "$here/$case"
    [[ $keep_keys == no ]] || keep_private_keys
    echo "$case"
}

keep_private_keys() {
    cp -r "$trust/private" "$here/$case/private"
    chmod -R u=rwX,go=rX "$here/$case/private"
}

n() { notary -d "$trust" -s "$server" --tlscacert "$ca" "$@"; }

# A collection with target v1 in it.
begin() {
    n init "$gun"
    n add "$gun" v1 "$work/hello"
    n publish "$gun"
}

# delegate ROLE KEY PUBLIC-PEM OPTIONS…: a delegation whose key, from keys-example, is at hand.
delegate() {
    local role=$1 key=$2 public=$3
    shift 3
    n delegation add "$gun" "$role" "$keys/$public" "$@" --publish
    n key import "$keys/$key" --role "$role"
}

# --- plain collections -----------------------------------------------------------------------------

case_notary_one_target() {
    notes='The client holds the snapshot key. private/ has the keys; passphrases as in test-registry.'
    keep_keys=yes
    begin
}

case_notary_empty() {
    notes='Nothing was ever added.'
    n init "$gun" --publish
}

case_published_twice() {
    notes='older/ holds the files before the second publish, which changed v1 and added v2.'
    begin
    keep_older
    n add "$gun" v1 "$work/world"
    n add "$gun" v2 "$work/hello" --publish
}

# What the server shows now goes into older/.
keep_older() { python3 "$here/collect.py" --server "$server" --ca "$ca" --gun "$gun" "$work/none" "$work/$case-older"; }

case_ecdsa_server_keys() {
    notes='notary-signer holds the timestamp key (ECDSA); elsewhere it is Ed25519.'
    server=$(sed -n "s/^export TRUST_SERVER=//p" "$work/run-ecdsa/env")
    ca=$work/run-ecdsa/tls/ca.crt
    begin
}

case_odd_target_names() {
    # shellcheck disable=SC1112  # the quotes are meant
    notes='Names that JSON, HTML or a file system would like to change: <>&, quotes, backslash, U+2028, spaces, non-ASCII in two normal forms.'
    n init "$gun"
    local name
    # shellcheck disable=SC1003  # a backslash is one of the names
    for name in 'a<b>&c' 'q"\' $'u\u2028x' $'u\u2029x' 'ünï/日本 x' $'e\u0301' $'\u00e9' 'a b' 'a!' a '😀'; do
        n add "$gun" "$name" "$work/hello"
    done
    n publish "$gun"
}

case_path_like_target_names() {
    notes='Names that nobody should take for a path, a blank one, and DEL.'
    n init "$gun"
    local name
    for name in '../up' '/root' 'a//b' '.' ' ' $'\u007f'; do n add "$gun" "$name" "$work/hello"; done
    n publish "$gun"
}

case_custom_canonical() {
    notes='custom values that are canonical already, as notary needs them.'
    n init "$gun"
    local custom number=0
    for custom in '{"a":1,"b":["x",null,true,{}],"c":{"d":"ü"}}' '"just text"' '  {  "a" : [ 1 , 2 ] }  ' '-5' '[]' 'false' null '{"":"","é":"\\ \""}'; do
        printf '%s' "$custom" >"$work/custom"
        n add "$gun" "custom-$((number++))" "$work/hello" --custom "$work/custom"
    done
    n publish "$gun"
}

case_sha512_only_and_both() {
    notes='"both" has sha256 and sha512, "sha256" one of them. "sha512" has no sha256: no image can be meant by it.'
    n init "$gun"
    n addhash "$gun" both 6 --sha256 "$(sum 256)" --sha512 "$(sum 512)"
    n addhash "$gun" sha256 6 --sha256 "$(sum 256)"
    n addhash "$gun" sha512 6 --sha512 "$(sum 512)" --publish
}

sum() { "sha${1}sum" "$work/hello" | cut -d ' ' -f 1; }

case_local_timezone_expiry() {
    notes='Signed in New York: expires has an offset. The timestamp is the server'"'"'s and has none.'
    export TZ=America/New_York
    begin
    unset TZ
}

# --- docker ----------------------------------------------------------------------------------------

case_docker_one_tag() {
    made_by='docker 28.2.2 (docker push)'
    gun=$REGISTRY/$case
    trust=$DOCKER_CONFIG/trust keep_keys=yes
    rm -rf "$trust"
    local_image 1
    DOCKER_CONTENT_TRUST=1 docker push "$gun:1"
}

# local_image TAG: in the daemon, under this case's name.
local_image() {
    "$top/test-registry/seed" --docker-format --text "$case $1" "$case:$1"
    docker pull --disable-content-trust "$gun:$1"
}

case_docker_two_signers() {
    made_by='docker 28.2.2 (docker trust signer add, docker trust sign)'
    notes='alice signed tag 1, then bob tag 2; both tags are in targets/releases. private/ has the keys of all three people.'
    gun=$REGISTRY/$case
    two_signers
    keep_keys=yes trust=$work/everybody
    mkdir -p "$trust/private"
    cp "$work"/{admin,alice,bob}/trust/private/*.key "$trust/private"
}

# Three people, each with their own docker configuration and nobody else's keys.
two_signers() {
    local who
    rm -rf "$work"/{admin,alice,bob,pub}
    mkdir -p "$work/pub"
    for who in admin alice bob; do cp -r "$DOCKER_CONFIG" "$work/$who"; rm -rf "$work/$who/trust"; done
    for who in alice bob; do
        docker --config "$work/$who" trust key generate "$who" --dir "$work/pub"
        docker --config "$work/admin" trust signer add --key "$work/pub/$who.pub" "$who" "$gun"
    done
    local_image 1
    docker --config "$work/alice" trust sign "$gun:1"
    local_image 2
    docker --config "$work/bob" trust sign "$gun:2"
}

case_docker_signer_removed() {
    made_by='docker 28.2.2, then notary 0.7.0 (delegation remove)'
    notes='bob, the last to sign, was taken away; alice witnessed targets/releases and signed tag 3. older/: before she did.'
    gun=$REGISTRY/$case
    two_signers
    trust=$work/admin/trust
    cp "$work"/alice/trust/private/*.key "$trust/private"
    local bob
    bob=$(basename "$work"/bob/trust/private/*.key .key)
    n delegation remove "$gun" targets/releases "$bob"
    n delegation remove "$gun" targets/bob --yes --publish
    keep_older
    n witness "$gun" targets/releases --publish
    local_image 3
    docker --config "$work/alice" trust sign "$gun:3"
}

# --- delegations -----------------------------------------------------------------------------------

case_delegation_restricted_paths() {
    notes='targets/team may a/ and b/, targets/team/inner a/x/ of it, targets/everything all, targets/nothing no path. private/ has the keys.'
    keep_keys=yes
    begin
    delegate targets/team openssl/p256-sec1.pem openssl/p256-public.pem --paths a/,b/
    delegate targets/team/inner openssl/rsa2048-pkcs1.pem openssl/rsa2048-public.pem --paths a/x/
    n delegation add "$gun" targets/everything "$keys/openssl/p256-public.pem" --all-paths
    n delegation add "$gun" targets/nothing "$keys/openssl/p256-public.pem" --publish
    n add "$gun" a/1 "$work/hello" --roles targets/team
    n add "$gun" a/x/1 "$work/hello" --roles targets/team/inner
    n add "$gun" a/1 "$work/world" --roles targets/everything
    n add "$gun" v1 "$work/world" --roles targets/everything --publish
}

case_delegation_x509_rsa() {
    notes='The delegation names a certificate (rsa-x509), and beside it one for an ECDSA key.'
    begin
    delegate targets/releases openssl/rsa3072-pkcs1.pem openssl/rsa3072-certificate.pem --all-paths
    n delegation add "$gun" targets/releases "$keys/openssl/p256-certificate.pem" --publish
    n key import "$keys/openssl/p256-sec1.pem" --role targets/releases
    n add "$gun" v2 "$work/world" --roles targets/releases --publish
}

case_delegation_same_key_twice() {
    notes='One key twice in a role: as a certificate and as it is. It counts once.'
    begin
    delegate targets/releases openssl/p256-sec1.pem openssl/p256-certificate.pem --all-paths
    n delegation add "$gun" targets/releases "$keys/openssl/p256-public.pem" --publish
    n add "$gun" v2 "$work/world" --roles targets/releases --publish
}

case_p384_delegation() { one_delegation p384; }

case_p521_delegation() { one_delegation p521; }

one_delegation() {
    notes="targets/releases has a ${1^^} key and signs with SHA-256."
    begin
    delegate targets/releases "openssl/$1-sec1.pem" "openssl/$1-public.pem" --all-paths
    n add "$gun" v2 "$work/world" --roles targets/releases --publish
}

case_no_delegations_left() {
    notes='The last delegation was removed: roles is null.'
    begin
    delegate targets/releases openssl/p256-sec1.pem openssl/p256-public.pem --all-paths
    n delegation remove "$gun" targets/releases --yes --publish
}

case_purged() {
    notes='The only key of targets/releases was purged: keyids is null, the role is unusable.'
    begin
    delegate targets/releases openssl/p256-sec1.pem openssl/p256-public.pem --all-paths
    n add "$gun" v2 "$work/world" --roles targets/releases --publish
    n delegation purge "$gun" --publish --key "$(jq -r 'first(.[] | select(.file == "openssl/p256-sec1.pem") | .keyid)' "$keys/index.json")"
}

case_witnessed() {
    notes='targets/releases changed hands: the new key witnessed what the old one had signed.'
    begin
    delegate targets/releases openssl/p256-sec1.pem openssl/p256-public.pem --all-paths
    n add "$gun" v2 "$work/world" --roles targets/releases --publish
    delegate targets/releases openssl/p384-sec1.pem openssl/p384-public.pem
    n delegation remove "$gun" targets/releases "$(jq -r 'first(.[] | select(.file == "openssl/p256-sec1.pem") | .keyid)' "$keys/index.json")" --publish
    n witness "$gun" targets/releases --publish
}

# --- rotations -------------------------------------------------------------------------------------

case_rsa_root() {
    notes='The root key is RSA 2048, its certificate rsa-x509.'
    openssl rsa -in "$keys/openssl/rsa2048-pkcs1.pem" -traditional -aes-256-cbc -passout "pass:$NOTARY_ROOT_PASSPHRASE" >"$work/root.pem"
    n init "$gun" --rootkey "$work/root.pem"
    n add "$gun" v1 "$work/hello"
    n publish "$gun"
}

case_root_rotated_twice() {
    notes='1.root.json and 2.root.json lead to root.json. older/ holds the files before. private/ has all keys.'
    keep_keys=yes
    begin
    keep_older
    rotate_root
    rotate_root
}

rotate_root() { echo yes | n key rotate "$gun" root "$@"; }

case_root_rotated_with_legacy_keys() {
    notes='The last rotation was signed with the keys of all roots before it (--legacy -1).'
    begin
    rotate_root
    rotate_root --legacy=-1
}

case_timestamp_rotated() {
    notes='The server has a new timestamp key; root is at version 2.'
    begin
    n key rotate "$gun" timestamp --server-managed
}

case_snapshot_rotated_to_server() {
    notes='The server signs the snapshot now.'
    begin
    n key rotate "$gun" snapshot --server-managed
    n add "$gun" v2 "$work/world" --publish
}

case_targets_rotated() {
    notes='A new targets key; the client holds it.'
    begin
    n key rotate "$gun" targets
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$here/../../.." && pwd -P)
keys=$top/keys-example
readonly here top keys
main "$@"
