#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a rule costs: the broker's CPU a message, one Java producer, 1 KiB values, rounds interleaved.
#   ./cb bench effects [MESSAGES] [ROUNDS]
set -euo pipefail
set -f
messages=${1:-300000}
rounds=${2:-3}
libs=${CB_KAFKA_LIBS:?Apache Kafka is not there}
work=$(mktemp -d)
pid=
stop_broker() {
    if [ -n "$pid" ]; then
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    pid=
}
trap 'stop_broker; rm -rf "$work"' EXIT

# A broker of its own for every figure: the log's memory is touched for the first time in each, and none finds the
# ledger or the heap as another left it.
start_broker() {
    build/release/bin/chaosbroker serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --log-format json --memory-log-mib 4096 2>"$work/log" &
    pid=$!
    until grep -q '"control API"' "$work/log" 2>/dev/null; do :; done
    at=127.0.0.1:$(sed -nE 's/.*"listening".*"port":([0-9]+).*/\1/p' "$work/log" | head -n 1)
    admin=http://127.0.0.1:$(sed -nE 's/.*"control API".*"port":([0-9]+).*/\1/p' "$work/log" | head -n 1)
}

# One value of 1 KiB, JSON with the field that the selector looks at.
printf '{"state":"OPEN","text":"%s"}' "$(head -c 990 /dev/zero | tr '\0' x)" >"$work/payload"

rule() { # NAME -> the document of rules
    case $1 in
        'no rule' | 'no rule, lz4') echo '{"format":1,"rules":[]}' ;;
        'rule on another topic') echo '{"format":1,"rules":[{"name":"r","where":{"topic":"other"},"chance":"5%","do":"delete"}]}' ;;
        'key that never matches') echo '{"format":1,"rules":[{"name":"r","where":{"key":"never"},"do":"delete"}]}' ;;
        'JSON that never matches') echo '{"format":1,"rules":[{"name":"r","where":{"json":{"$.state":"NEVER"}},"do":"delete"}]}' ;;
        '5 % delete' | '5 % delete, lz4') echo '{"format":1,"rules":[{"name":"r","chance":"5%","do":"delete"}]}' ;;
        '5 % duplicate') echo '{"format":1,"rules":[{"name":"r","chance":"5%","do":{"duplicate":{}}}]}' ;;
        '5 % salt') echo '{"format":1,"rules":[{"name":"r","chance":"5%","do":"salt"}]}' ;;
        '5 % late by 1 s') echo '{"format":1,"rules":[{"name":"r","chance":"5%","do":{"late":{"delay":"1s"}}}]}' ;;
    esac
}

# By the scheduler's own account: /proc/PID/stat ticks at 10 ms.
cpu_ns() { (set +f && awk '{sum += $1} END {printf "%.0f", sum}' /proc/"$pid"/task/*/schedstat); }

measure() { # NAME -> sets cost: microseconds of broker CPU a message
    local codec=none before after
    case $1 in *lz4) codec=lz4 ;; esac
    : >"$work/log"
    start_broker
    curl -sf -X PUT -H 'Content-Type: application/json' -d "$(rule "$1")" "$admin/v1/rules" >/dev/null
    before=$(cpu_ns)
    java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -Xmx512m -cp "$libs/*" org.apache.kafka.tools.ProducerPerformance \
        --topic "effects-$codec" --num-records "$messages" --payload-file "$work/payload" --throughput -1 \
        --command-property "bootstrap.servers=$at" "compression.type=$codec" "batch.size=65536" "linger.ms=5" >/dev/null 2>&1
    after=$(cpu_ns)
    stop_broker
    cost=$(awk "BEGIN {printf \"%.3f\", ($after - $before) / 1000 / $messages}")
}

names=('no rule' 'rule on another topic' 'key that never matches' 'JSON that never matches' '5 % delete' '5 % duplicate'
    '5 % salt' '5 % late by 1 s' 'no rule, lz4' '5 % delete, lz4')
measure 'no rule' # warms the machine up
for ((round = 0; round < rounds; ++round)); do
    for name in "${names[@]}"; do
        measure "$name"
        echo "$name|$cost" >>"$work/figures"
    done
done
echo "broker CPU a message in microseconds, $rounds rounds of $messages messages: median (least to greatest)"
echo
echo '| rule | CPU µs a message | times "no rule" of its codec |'
echo '| --- | ---: | ---: |'
median() { awk -F'|' -v n="$1" '$1 == n {print $2}' "$work/figures" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)], v[1], v[NR]}'; }
for name in "${names[@]}"; do
    base='no rule'
    case $name in *lz4) base='no rule, lz4' ;; esac
    read -r middle least greatest <<<"$(median "$name")"
    read -r zero _ _ <<<"$(median "$base")"
    awk -v n="$name" -v m="$middle" -v l="$least" -v g="$greatest" -v z="$zero" \
        'BEGIN {printf "| %s | %s (%s to %s) | %.2f |\n", n, m, l, g, m / z}'
done
