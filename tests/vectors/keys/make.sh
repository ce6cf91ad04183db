#!/bin/sh
# Makes private/ and files/ with their tables. Needs notary 0.7, docker with Content Trust,
# and openssl 3.
#
# private.tsv: key id, role, GUN or -, passphrase; each key is private/<key id>.key as notary
#              or docker wrote it.
# files.tsv:   file below files/, open|locked|refused, passphrase or -, public key (DER, base64,
#              or -).
set -eu
cd "$(dirname "$0")"
rm -rf private files private.tsv files.tsv
mkdir private files
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME="$scratch" DOCKER_CONFIG="$scratch/docker"
mkdir "$DOCKER_CONFIG"

export NOTARY_ROOT_PASSPHRASE=rootpass123 NOTARY_TARGETS_PASSPHRASE=targetspass1
export NOTARY_SNAPSHOT_PASSPHRASE=snapshotpass NOTARY_DELEGATION_PASSPHRASE='delegation pass ü'
export DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE=repopass1234

openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/p256.pem"
openssl ecparam -name secp384r1 -genkey -noout -out "$scratch/p384.pem"
openssl ecparam -name secp521r1 -genkey -noout -out "$scratch/p521.pem"
openssl genrsa -traditional -out "$scratch/rsa.pem" 2048 2>"$scratch/log"
openssl genpkey -algorithm ED25519 -out "$scratch/ed25519.pem"

# take DIRECTORY ROLE GUN PASSPHRASE: the one key in a fresh trust directory
take() {
    file=$(find "$1/private" -name '*.key')
    cp "$file" private/
    chmod 644 "private/$(basename "$file")"
    printf '%s\t%s\t%s\t%s\n' "$(basename "$file" .key)" "$2" "$3" "$4" >> private.tsv
}

import() { # NAME KEY ROLE GUN PASSPHRASE
    set -- "$scratch/$1" "$scratch/$2" "$3" "$4" "$5"
    if [ "$4" = - ]; then
        notary -d "$1" key import "$2" --role "$3"
    else
        notary -d "$1" key import "$2" --role "$3" --gun "$4"
    fi
    take "$1" "$3" "$4" "$5"
}

notary -d "$scratch/a" key generate ecdsa
take "$scratch/a" root - "$NOTARY_ROOT_PASSPHRASE"
notary -d "$scratch/b" key generate ecdsa --role targets/releases
take "$scratch/b" targets/releases - "$NOTARY_DELEGATION_PASSPHRASE"
docker trust key generate alice --dir "$scratch"
take "$DOCKER_CONFIG/trust" alice - "$DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE"
import c p256.pem targets localhost:5000/team/app "$NOTARY_TARGETS_PASSPHRASE"
import d p384.pem snapshot docker.io/library/alpine "$NOTARY_SNAPSHOT_PASSPHRASE"
import e p521.pem targets/qa - "$NOTARY_DELEGATION_PASSPHRASE"
import f rsa.pem delegation - "$NOTARY_DELEGATION_PASSPHRASE"

public() { openssl pkey -in "$1" -pubout -outform DER | openssl base64 -A; }
note() { printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >> files.tsv; }

for kind in p256 p384 p521 rsa ed25519; do
    key="$scratch/$kind.pem"
    [ $kind = ed25519 ] || { cp "$key" "files/$kind-traditional.pem"; note $kind-traditional.pem open - "$(public "$key")"; }
    openssl pkcs8 -topk8 -nocrypt -in "$key" -out files/$kind-plain.pem
    note $kind-plain.pem open - "$(public "$key")"
    openssl pkcs8 -topk8 -passout pass:secret -in "$key" -out files/$kind-sha256.pem
    note $kind-sha256.pem open secret "$(public "$key")"
done
pbes2() { # NAME VERDICT OPTIONS...
    name=$1 verdict=$2
    shift 2
    openssl pkcs8 -topk8 -passout pass:secret -in "$scratch/p256.pem" -out "files/$name.pem" "$@"
    note "$name.pem" "$verdict" secret "$([ "$verdict" = open ] && public "$scratch/p256.pem" || echo -)"
}
pbes2 sha1 open -v2 aes-256-cbc -v2prf hmacWithSHA1
pbes2 sha1-aes128 open -v2 aes-128-cbc -v2prf hmacWithSHA1
pbes2 sha256-aes192 open -v2 aes-192-cbc -v2prf hmacWithSHA256
pbes2 sha384 open -v2 aes-256-cbc -v2prf hmacWithSHA384
pbes2 sha512 open -v2 aes-256-cbc -v2prf hmacWithSHA512
pbes2 one-iteration open -iter 1
pbes2 triple-des refused -v2 des3
pbes2 scrypt refused -scrypt
pbes2 pbes1 refused -v1 PBE-SHA1-3DES
for cipher in aes128 aes192 aes256; do
    openssl ec -in "$scratch/p256.pem" -$cipher -passout pass:secret -out files/ec-dek-$cipher.pem 2>"$scratch/log"
    note ec-dek-$cipher.pem open secret "$(public "$scratch/p256.pem")"
    openssl rsa -in "$scratch/rsa.pem" -traditional -$cipher -passout pass:secret -out files/rsa-dek-$cipher.pem 2>"$scratch/log"
    note rsa-dek-$cipher.pem open secret "$(public "$scratch/rsa.pem")"
done
openssl rsa -in "$scratch/rsa.pem" -traditional -des3 -passout pass:secret -out files/rsa-dek-des3.pem 2>"$scratch/log"
note rsa-dek-des3.pem refused secret -
sed 's/$/\r/' files/ec-dek-aes256.pem > files/crlf.pem
note crlf.pem open secret "$(public "$scratch/p256.pem")"
openssl ecparam -name prime256v1 > files/with-parameters.pem
cat "$scratch/p256.pem" >> files/with-parameters.pem
note with-parameters.pem open - "$(public "$scratch/p256.pem")"
cat "$scratch/p256.pem" "$scratch/rsa.pem" > files/two.pem
note two.pem refused - -
openssl pkey -in "$scratch/p256.pem" -pubout -out files/public.pem
note public.pem refused - -
openssl genpkey -algorithm X25519 -out files/x25519.pem
note x25519.pem refused - -
openssl ecparam -name secp256k1 -genkey -noout -out files/secp256k1.pem
note secp256k1.pem refused - -
