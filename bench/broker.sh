#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# This broker beside Apache Kafka (one KRaft node, one replica), the same Java client against both, one machine, one run.
#   ./cb bench broker [MEGABYTES]     bytes a measurement, 100 by default
# Rows alternate between the brokers, so that a noisy neighbour hits both. CPU is the broker's own, from /proc.
set -euo pipefail
set -f
megabytes=${1:-100}
libs=${CB_KAFKA_LIBS:?Apache Kafka is not there}
work=$(mktemp -d)
tmpfs=$(mktemp -d -p /dev/shm)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work" "$tmpfs"
}
trap finish EXIT
java_tool() { java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -Xmx512m -cp "$libs/*" "$@"; }
now_ms() { date +%s%3N; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start_kafka() { # FOLDER -> sets kafka_pid, kafka_at
    local port controller
    port=$(free_port)
    controller=$(free_port)
    cat >"$1/server.properties" <<TEXT
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$1/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
TEXT
    java_tool kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$1/server.properties" >/dev/null 2>&1
    local begun
    begun=$(now_ms)
    java -Dorg.slf4j.simpleLogger.defaultLogLevel=error -Xmx1g -Xms1g -cp "$libs/*" kafka.Kafka "$1/server.properties" >"$1/log" 2>&1 &
    kafka_pid=$!
    pids+=("$kafka_pid")
    kafka_at=127.0.0.1:$port
    first_produce "$kafka_at" "$begun"
}

start_ours() {
    local begun
    begun=$(now_ms)
    build/release/bin/chaosbroker serve --listen 127.0.0.1:0 --admin off --log-format json --memory-log-mib 6000 2>"$work/ours.log" &
    ours_pid=$!
    pids+=("$ours_pid")
    until grep -q '"listening"' "$work/ours.log" 2>/dev/null; do :; done
    ours_at=127.0.0.1:$(sed -nE 's/.*"port":([0-9]+).*/\1/p' "$work/ours.log" | head -n 1)
    first_produce "$ours_at" "$begun"
}

first_produce() { # ADDRESS BEGUN -> sets ready_ms
    until echo x | kcat -b "$1" -t ready -P -X message.timeout.ms=1000 -X socket.timeout.ms=1000 >/dev/null 2>&1; do :; done
    ready_ms=$(($(now_ms) - $2))
}

cpu_ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
pss_kib() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }

# measure NAME PID ADDRESS BYTES PARTITIONS CODEC
measure() {
    local name=$1 pid=$2 at=$3 bytes=$4 partitions=$5 codec=$6
    local count=$((megabytes * 1000000 / bytes)) topic before after produced consumed
    topic="b-$bytes-$partitions-$codec-$RANDOM"
    java_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$at" --create --topic "$topic" --partitions "$partitions" >/dev/null 2>&1
    before=$(cpu_ticks "$pid")
    produced=$(java_tool org.apache.kafka.tools.ProducerPerformance --topic "$topic" --num-records "$count" --record-size "$bytes" \
        --throughput -1 --command-property "bootstrap.servers=$at" "compression.type=$codec" 2>/dev/null |
        tail -n 1 | sed -nE 's/.*sent, ([0-9.]+) records.*\(([0-9.]+) MB.*/\2/p')
    after=$(cpu_ticks "$pid")
    local produce_cpu=$((after - before))
    before=$after
    consumed=$(java_tool org.apache.kafka.tools.ConsumerPerformance --bootstrap-server "$at" --topic "$topic" --num-records "$count" \
        --timeout 60000 2>/dev/null | awk -F', ' 'NR > 1 && NF > 5 {printf "%.0f\n", $NF}' | tail -n 1)
    after=$(cpu_ticks "$pid")
    printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$name" "$bytes" "$partitions" "$codec" "${produced:-?}" \
        "$(awk "BEGIN {printf \"%.1f\", $produce_cpu / 100 * 1000000 / $count}")" "${consumed:-?}" \
        "$(awk "BEGIN {printf \"%.1f\", ($after - $before) / 100 * 1000000 / $count}")"
}

start_ours
ours_ready=$ready_ms
start_kafka "$tmpfs"
kafka_ready=$ready_ms
echo "ready for the first produce (kcat's own start in it): ours $ours_ready ms, Kafka $kafka_ready ms"
echo "idle memory (PSS): ours $(pss_kib "$ours_pid") KiB, Kafka $(pss_kib "$kafka_pid") KiB"
echo
echo '| broker | bytes | partitions | codec | produce MB/s | CPU s per million | consume records/s | CPU s per million |'
echo '| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |'
for bytes in 100 1024 10240; do
    for partitions in 1 8; do
        for codec in none lz4; do
            measure 'ours, memory' "$ours_pid" "$ours_at" "$bytes" "$partitions" "$codec"
            measure 'Kafka, tmpfs' "$kafka_pid" "$kafka_at" "$bytes" "$partitions" "$codec"
        done
    done
done
echo
echo 'produce to consume, one message after the other (acks=1, 1 KiB), ms:'
for round in 1 2 3; do
    for which in ours kafka; do
        at=$([ $which = ours ] && echo "$ours_at" || echo "$kafka_at")
        echo "  $which $round: $(java_tool org.apache.kafka.tools.EndToEndLatency "$at" e2e 5000 1 1024 2>/dev/null | grep -E 'Percentiles|Avg' | tr '\n' ' ')"
    done
done
