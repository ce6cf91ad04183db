#!/usr/bin/env bash
# Makes every key of this directory anew, by the programs named in README.md. The keys that are
# committed stay as they are unless somebody runs this; tests read them from index.json.
set -euo pipefail

main() {
    work=$(mktemp -d)
    trap 'clean_up' EXIT
    rm -rf "$here"/{countersign,docker,notary,legacy,openssl,index.json}
    mkdir -p "$here"/{countersign,docker,notary,legacy,openssl}
    "$here/../test-registry/start" --trust notary-server --no-docker "$work/run"
    # shellcheck disable=SC1091  # made by the line above
    source "$work/run/env"
    read_passphrases
    made_by_docker
    made_by_notary
    made_by_countersign
    made_by_openssl
    older_trust_directory
    rewritten_by_notary
    write_index
}

clean_up() {
    [[ ! -f $work/run/pids ]] || "$here/../test-registry/stop" "$work/run"
    rm -rf "$work"
}

read_passphrases() {
    # shellcheck disable=SC1091
    source "$here/PASSPHRASES"
    export DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE=$ROOT DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=$REPOSITORY
    export NOTARY_ROOT_PASSPHRASE=$ROOT NOTARY_TARGETS_PASSPHRASE=$REPOSITORY \
        NOTARY_SNAPSHOT_PASSPHRASE=$REPOSITORY NOTARY_DELEGATION_PASSPHRASE=$DELEGATION
}

# --- docker and notary -----------------------------------------------------------------------------

# A signer's key, then a first repository: root and repository key.
made_by_docker() {
    (cd "$here/docker" && DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=$DELEGATION docker trust key generate alice) >/dev/null
    docker trust signer add --key "$here/docker/alice.pub" alice "$gun" >/dev/null
    cp -r "$DOCKER_CONFIG/trust/private" "$here/docker/private"
}

# Root, targets and snapshot keys; a delegation key as notary gives it to its user; an export.
made_by_notary() {
    local trust=$work/notary-trust
    notary -d "$trust" init "$gun-notary" >/dev/null
    (cd "$here/notary" && notary -d "$trust" key generate ecdsa --role targets/bob -o bob)
    notary -d "$trust" key export -o "$here/notary/export.pem"
    cp -r "$trust/private" "$here/notary/private"
}

# A signer's key, and a repository founded on a root key of its own.
made_by_countersign() {
    local trust=$work/countersign-trust program=${COUNTERSIGN:-$here/../target/release/countersign}
    (cd "$here/countersign" && DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=$DELEGATION \
        "$program" --trust-dir "$trust" key generate carol) >/dev/null
    "$program" --quiet --trust-dir "$trust" init "$gun-countersign" >/dev/null
    cp -r "$trust/private" "$here/countersign/private"
}

# --- openssl ---------------------------------------------------------------------------------------

made_by_openssl() {
    cd "$here/openssl"
    local curve bits
    for curve in 256 384 521; do openssl ecparam -name "$(curve_name $curve)" -genkey -noout -out "p$curve-sec1.pem"; done
    for bits in 2048 3072 4096; do openssl genrsa -traditional -out "rsa$bits-pkcs1.pem" "$bits" 2>/dev/null; done
    openssl genpkey -algorithm ed25519 -out ed25519-pkcs8.pem
    for key in p256 p384 p521; do other_forms $key sec1; done
    for key in rsa2048 rsa3072 rsa4096; do other_forms $key pkcs1; done
    openssl pkey -in ed25519-pkcs8.pem -pubout -out ed25519-public.pem
    openssl_encrypts
    openssl genrsa -traditional -out rsa1024-too-short-pkcs1.pem 1024 2>/dev/null
    openssl ecparam -name secp256k1 -genkey -noout -out secp256k1-unsupported-sec1.pem
    cd "$OLDPWD"
}

curve_name() { if [[ $1 == 256 ]]; then echo prime256v1; else echo "secp$1r1"; fi; }

# PKCS#8, the public half, and a certificate to hand to `notary delegation add`.
other_forms() {
    openssl pkcs8 -topk8 -nocrypt -in "$1-$2.pem" -out "$1-pkcs8.pem"
    openssl pkey -in "$1-$2.pem" -pubout -out "$1-public.pem"
    openssl req -x509 -new -sha256 -key "$1-$2.pem" -days 3650 -subj "/CN=$1 throw-away" -out "$1-certificate.pem"
}

# Traditional encryption (DEK-Info), and PBES2 in the one form that notary reads and in two it does not.
openssl_encrypts() {
    local cipher pass=(-passout "pass:$OPENSSL")
    for cipher in aes-128-cbc aes-256-cbc des-ede3-cbc; do
        openssl ec -in p256-sec1.pem "-$cipher" "${pass[@]}" -out "p256-sec1-$cipher.pem" 2>/dev/null
    done
    openssl rsa -in rsa2048-pkcs1.pem -traditional -aes-256-cbc "${pass[@]}" -out rsa2048-pkcs1-aes-256-cbc.pem 2>/dev/null
    openssl pkcs8 -topk8 -in p256-sec1.pem -v2 aes-256-cbc -v2prf hmacWithSHA1 "${pass[@]}" -out p256-pkcs8-pbes2-sha1.pem
    openssl pkcs8 -topk8 -in p256-sec1.pem -v2 aes-256-cbc -v2prf hmacWithSHA256 "${pass[@]}" -out p256-pkcs8-pbes2-sha256.pem
    openssl pkcs8 -topk8 -in p256-sec1.pem -scrypt "${pass[@]}" -out p256-pkcs8-scrypt.pem
}

# --- what older versions left ----------------------------------------------------------------------

# private/ as a trust directory may hold it: keys without PBES2, without encryption, Ed25519's old block.
older_trust_directory() {
    mkdir -m 0700 "$here/legacy/private"
    legacy ecdsa p256 targets "$(cat "$here/openssl/p256-sec1-aes-256-cbc.pem")" gun
    legacy rsa rsa2048 targets/carol "$(cat "$here/openssl/rsa2048-pkcs1-aes-256-cbc.pem")"
    legacy rsa rsa3072 targets/dave "$(cat "$here/openssl/rsa3072-pkcs1.pem")"
    legacy ecdsa p384 targets/erin "$(cat "$here/openssl/p384-sec1.pem")"
    legacy ecdsa p521 root "$(cat "$here/openssl/p521-pkcs8.pem")"
    legacy ed25519 ed25519 targets/frank "$(old_ed25519_block)"
}

# legacy KEYTYPE NAME ROLE PEM [gun]: files a key under its id with notary's headers added.
legacy() {
    local file
    file=$here/legacy/private/$(key_id "$1" "$here/openssl/$2-public.pem").key
    {
        head -n 1 <<<"$4"
        grep -E '^(Proc-Type|DEK-Info): ' <<<"$4" || true
        [[ -z ${5-} ]] || echo "gun: $gun"
        echo "role: $3"
        echo
        sed -e 1d -e '/^Proc-Type: /d' -e '/^DEK-Info: /d' -e '/^$/d' <<<"$4"
    } >"$file"
    chmod 0600 "$file"
}

old_ed25519_block() {
    echo '-----BEGIN ED25519 PRIVATE KEY-----'
    ed25519_96_bytes | base64 -w 64
    echo '-----END ED25519 PRIVATE KEY-----'
}

# Public half, seed, public half.
ed25519_96_bytes() {
    raw_ed25519_public
    openssl pkey -in "$here/openssl/ed25519-pkcs8.pem" -outform DER | tail -c 32
    raw_ed25519_public
}

raw_ed25519_public() { openssl pkey -in "$here/openssl/ed25519-public.pem" -pubin -outform DER | tail -c 32; }

# `notary key passwd` reads each older form and writes its own: PBES2 around its own PKCS#8.
rewritten_by_notary() {
    local key id
    mkdir -m 0700 "$work/rewrite" "$work/rewrite/private"
    for key in "$here"/legacy/private/*.key; do
        id=$(basename "$key" .key)
        sed '/^role: /s/.*/role: targets\/rewritten/; /^gun: /d' "$key" >"$work/rewrite/private/$id.key"
        # A file with a passphrase of openssl's keeps it; the others get the delegations' one.
        if grep -q '^DEK-Info: ' "$key"; then passphrase=$OPENSSL; else passphrase=$DELEGATION; fi
        NOTARY_DELEGATION_PASSPHRASE=$passphrase notary -d "$work/rewrite" key passwd "$id" >/dev/null
    done
    mkdir "$here/notary/rewritten"
    cp -r "$work/rewrite/private" "$here/notary/rewritten/private"
}

# --- index.json ------------------------------------------------------------------------------------

# key_id KEYTYPE PUBLIC-PEM: the id under which notary files the private key.
key_id() {
    local public
    if [[ $1 == ed25519 ]]; then
        public=$(openssl pkey -pubin -in "$2" -outform DER | tail -c 32 | base64 -w 0)
    else
        public=$(openssl pkey -pubin -in "$2" -outform DER | base64 -w 0)
    fi
    printf '{"keytype":"%s","keyval":{"private":null,"public":"%s"}}' "$1" "$public" | sha256sum | cut -d ' ' -f 1
}

# One object for each private key: its file, block, headers, id, algorithm and passphrase (null: none).
write_index() {
    cd "$here"
    local file
    find countersign docker notary legacy openssl -type f \( -name '*.key' -o -name '*.pem' \) | LC_ALL=C sort | while read -r file; do
        if [[ $file == notary/export.pem ]] || ! grep -q 'PRIVATE KEY-----' "$file"; then continue; fi
        describe "$file"
    done | jq -s . >index.json
    cd "$OLDPWD"
}

describe() {
    local block role gun_of id
    block=$(sed -n 's/^-----BEGIN \(.*\)-----$/\1/p' "$1")
    role=$(sed -n 's/^role: //p' "$1")
    gun_of=$(sed -n 's/^gun: //p' "$1")
    id=$(id_of "$1")
    jq -n --arg file "$1" --arg block "$block" --arg role "$role" --arg gun "$gun_of" --arg id "$id" \
        --arg algorithm "$(algorithm_of "$1" "$id")" --arg passphrase "$(passphrase_of "$1" "$block" "$role")" \
        '{file: $file, block: $block, keyid: $id, algorithm: $algorithm} + (
            {role: $role, gun: $gun, passphrase: $passphrase} | map_values(if . == "" then null else . end))'
}

id_of() {
    case $1 in
        *.key) basename "$1" .key ;;
        notary/*) key_id ecdsa <(grep -v '^role: ' "${1%-key.pem}.pem" | sed '/^$/d') ;;
        openssl/rsa*short*) openssl pkey -in "$1" -pubout | key_id rsa /dev/stdin ;;
        openssl/*) openssl pkey -in "$1" -passin "pass:$OPENSSL" -pubout | key_id "$(keytype "$1")" /dev/stdin ;;
    esac
}

keytype() {
    case $1 in
        */rsa*) echo rsa ;;
        */ed25519*) echo ed25519 ;;
        *) echo ecdsa ;;
    esac
}

# By file name for openssl's; the same keys come again in legacy/ and notary/rewritten/.
algorithm_of() {
    case $1 in
        openssl/*) basename "$1" | sed 's/-.*//' ;;
        legacy/* | notary/rewritten/*) same_key_in_openssl "$2" ;;
        *) echo p256 ;;
    esac
}

same_key_in_openssl() {
    local name
    for name in p256 p384 p521 rsa2048 rsa3072 ed25519; do
        [[ $(key_id "$(keytype "/$name")" "openssl/$name-public.pem") != "$1" ]] || echo "$name"
    done
}

passphrase_of() {
    case "$1:$2:$3" in
        openssl/*:ENCRYPTED*) echo "$OPENSSL" ;;
        legacy/* | openssl/*) if grep -q '^DEK-Info: ' "$1"; then echo "$OPENSSL"; fi ;;
        notary/rewritten/*) if grep -q '^DEK-Info: ' "legacy/private/$(basename "$1")"; then echo "$OPENSSL"; else echo "$DELEGATION"; fi ;;
        *:root) echo "$ROOT" ;;
        *:targets | *:snapshot) echo "$REPOSITORY" ;;
        *) echo "$DELEGATION" ;;
    esac
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
readonly here gun=example.com/keys-example
main "$@"
