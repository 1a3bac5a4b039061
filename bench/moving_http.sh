#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Requests per core-second of moving's HTTP server (a GET of 300 bytes from memory), and what an idle connection costs.
# bench/moving_http.sh [CONNECTIONS [SECONDS]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
connections=${1:-64}
seconds=${2:-10}

coproc server { exec build/release/bin/moving_http_bench; }
server_output=${server[0]}
server_input=${server[1]}
server_id=$server_PID
read -r port <&"$server_output"
wrk -t1 -c"$connections" -d"${seconds}s" --latency "http://127.0.0.1:$port/tracking/abc"
exec {server_input}>&-
cat <&"$server_output"
wait "$server_id" || true

build/release/bin/moving_http_bench idle 10000
