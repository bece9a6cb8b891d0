#!/bin/sh
# Makes all certificates of this folder anew; needs openssl, which the tests themselves do not.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# `openssl ca` is the one command that takes both dates in every version of OpenSSL 3. Valid since
# long ago, so that a machine whose clock is wrong can run the tests as well.
cat >"$work/ca.cnf" <<END
[ca]
default_ca = authority
[authority]
database = $work/index
new_certs_dir = $work
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
[policy]
commonName = supplied
END
touch "$work/index"

# NAME SIGNER END EXTENSION...: a key, and a certificate that the signer signs, perhaps itself
certificate() {
  name=$1 signer=$2 end=$3
  shift 3
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=vigie test $name" \
    -keyout "$work/$name.key" -out "$work/$name.csr"
  printf '%s\n' "$@" >"$work/extensions"
  if [ "$name" = "$signer" ]; then set -- -selfsign; else set -- -cert "$signer.pem"; fi
  openssl ca -batch -notext -config "$work/ca.cnf" "$@" -keyfile "$work/$signer.key" \
    -startdate 20200101000000Z -enddate "$end" -extfile "$work/extensions" \
    -in "$work/$name.csr" -out "$name.pem"
}

# The keys of the authorities are thrown away: nothing is ever signed with them again.
authority() {
  certificate "$1" "$1" 21200101000000Z "basicConstraints=critical,CA:TRUE" \
    "keyUsage=critical,keyCertSign,cRLSign" "subjectKeyIdentifier=hash"
}

# NAME AUTHORITY END serverAuth|clientAuth ALTERNATIVE_NAMES
leaf() {
  certificate "$1" "$2" "$3" "basicConstraints=critical,CA:FALSE" \
    "keyUsage=critical,digitalSignature" "extendedKeyUsage=$4" "subjectAltName=$5"
  mv "$work/$1.key" .
}

authority authority
authority stranger
leaf server authority 21200101000000Z serverAuth "DNS:localhost,IP:127.0.0.1,IP:::1"
leaf elsewhere authority 21200101000000Z serverAuth "DNS:elsewhere.example"
leaf expired authority 20200201000000Z serverAuth,clientAuth "DNS:localhost,IP:127.0.0.1"
leaf client authority 21200101000000Z clientAuth "DNS:client.example"
leaf strange_client stranger 21200101000000Z clientAuth "DNS:client.example"
