#!/usr/bin/env bash
# Installs the foreign servers and clients that the tests and the benchmark
# talk to. Every one is optional: what cannot be installed is printed with its
# reason, and the tests that need it skip with a reason of their own.
#
#   test/peers/install.sh            all but chromium
#   test/peers/install.sh NAME...    these: nginx nghttp2 curl caddy
#                                    caddy-debian goquic aioquic h2spec chromium
#
# Debian packages need root; the rest goes to HARMONY_PEERS, by default
# ~/.cache/harmony-peers. What is there already is left alone.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${HARMONY_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/harmony-peers}
log=$cache/install.log
missing=0

# Compiling Caddy takes minutes; it must not starve what runs beside it.
export GOFLAGS="${GOFLAGS:-} -p=2"
export GOTOOLCHAIN=${GOTOOLCHAIN:-local}
export DEBIAN_FRONTEND=noninteractive

mkdir -p "$cache/bin" || exit 1
: >"$log"

has() { command -v "$1" >/dev/null 2>&1; }

failed() {
  missing=$((missing + 1))
  echo "peer $1 is missing: $2"
}

quiet() { nice -n 10 timeout "$1" "${@:2}" >>"$log" 2>&1; }

last() { grep -v '^[[:space:]]*$' "$log" | tail -n 1 | cut -c 1-200; }

refreshed=
debian() { # PEER COMMAND PACKAGE...
  has "$2" && return
  if [ "$(id -u)" != 0 ]; then
    failed "$1" "installing ${*:3} needs root"
    return
  fi
  if ! has apt-get; then
    failed "$1" 'no apt-get here'
    return
  fi
  if [ -z "$refreshed" ]; then
    quiet 120 apt-get update -q
    refreshed=1
  fi
  # The packages would start their service on port 80 at once.
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=1
  fi
  quiet 300 apt-get install -y -q --no-install-recommends "${@:3}"
  [ -n "$ours" ] && rm -f "$policy"
  hash -r
  has "$2" || failed "$1" "$(last)"
}

golang() { # PEER BINARY MODULE
  [ -x "$cache/bin/$2" ] && return
  if ! has go; then
    failed "$1" 'no go toolchain'
    return
  fi
  GOBIN=$cache/bin quiet 900 go install "$3" || failed "$1" "$(last)"
}

goquic() {
  local source newest=
  if ! has go; then
    failed quic-go 'no go toolchain'
    return
  fi
  for source in "$here"/go/*; do
    [ "$source" -nt "$cache/bin/goquic" ] && newest=$source
  done
  [ -z "$newest" ] && return
  quiet 600 go -C "$here/go" build -o "$cache/bin/goquic" . || failed quic-go "$(last)"
}

aioquic() {
  local wanted=$here/aioquic/requirements.txt
  cmp -s "$wanted" "$cache/venv/requirements.txt" && return
  if ! has python3; then
    failed aioquic 'no python3'
    return
  fi
  if quiet 120 python3 -m venv "$cache/venv" &&
    quiet 300 "$cache/venv/bin/pip" install -q -r "$wanted"; then
    cp "$wanted" "$cache/venv/requirements.txt"
  else
    failed aioquic "$(last)"
  fi
}

[ $# -gt 0 ] || set -- nginx nghttp2 curl goquic aioquic h2spec caddy caddy-debian
for peer in "$@"; do
  case $peer in
    nginx) debian nginx nginx nginx-light ;;
    nghttp2) debian nghttp2 h2load nghttp2-client ;;
    curl) debian curl curl curl ;;
    chromium) debian chromium chromium chromium ;;
    caddy-debian) debian caddy-debian caddy caddy ;;
    caddy) golang caddy caddy github.com/caddyserver/caddy/v2/cmd/caddy@latest ;;
    h2spec) golang h2spec h2spec github.com/summerwind/h2spec/cmd/h2spec@latest ;;
    goquic) goquic ;;
    aioquic) aioquic ;;
    *) failed "$peer" 'not known here' ;;
  esac
done
# A missing peer is a skip in the tests, not a failure of this script.
[ "$missing" = 0 ] || echo "$missing missing; details in $log"
exit 0
