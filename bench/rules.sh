#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Rules changed by REST while messages pass as fast as they go: the answers' times, and that nothing is lost or reordered.
#   ./cb bench rules [CHANGES A SECOND] [SECONDS]
set -euo pipefail
rate=${1:-1000}
seconds=${2:-20}
work=$(mktemp -d)
build/release/bin/chaosbroker serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --log-format json --memory-log-mib 6000 2>"$work/log" &
pid=$!
trap "kill $pid 2>/dev/null || true; wait 2>/dev/null || true; rm -rf \"$work\"" EXIT
until grep -q '"control API"' "$work/log" 2>/dev/null; do :; done
port() { sed -nE "s/.*\"$1\".*\"port\":([0-9]+).*/\1/p" "$work/log" | head -n 1; }
build/release/bin/bench_client rules --bootstrap "127.0.0.1:$(port listening)" --admin "127.0.0.1:$(port 'control API')" \
    --rate "$rate" --seconds "$seconds"
