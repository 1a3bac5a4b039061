#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a rule costs between the session and the log, counted in instructions: the same on a noisy machine.
#   ./cb bench instructions
set -euo pipefail
messages=18000 # three rounds of `./cb bench rewriting`
rows=("no rule" "rule on another topic" "key that never matches" "JSON that never matches" "5 % delete" "5 % late by 1 s")
echo '| rule | instructions a message | times "no rule" |'
echo '| --- | ---: | ---: |'
base=
for row in "${rows[@]}"; do
    count=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect='cb::proxy::fault_pipeline::submit(*' build/release/bin/rewriting_bench 3 "$row" 2>&1 |
        sed -nE 's/.*Collected : ([0-9]+).*/\1/p')
    base=${base:-$count}
    awk -v row="$row" -v count="$count" -v base="$base" -v messages="$messages" \
        'BEGIN { printf "| %s | %.0f | %.3f |\n", row, count / messages, count / base }'
done
