#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# This broker beside Apache Kafka (one KRaft node, one replica), the same Java client against both, one machine, one run.
#   ./cb bench broker [MEGABYTES] [PART…]     bytes a measurement, 100 by default
# Parts, all by default: memory (Java client; this broker in memory, Kafka on tmpfs), disk (the same client; both on the
# file system of this folder, flushed by the system), latency (produce to consume) and mock (throughput), these two with
# librdkafka, beside its mock cluster. Rows alternate between the brokers, so that a noisy neighbour hits all. CPU is the
# broker's own, from /proc.
set -euo pipefail
set -f
megabytes=${1:-100}
[ $# -gt 0 ] && shift
parts=" ${*:-memory disk latency mock} "
rounds=3
libs=${CB_KAFKA_LIBS:?Apache Kafka is not there}
work=$(mktemp -d)
tmpfs=$(mktemp -d -p /dev/shm)
disk=$(mktemp -d -p build)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work" "$tmpfs" "$disk"
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

start_ours() { # FLAGS… -> sets ours_pid, ours_at
    local begun
    begun=$(now_ms)
    : >"$work/ours.log"
    build/release/bin/chaosbroker serve --listen 127.0.0.1:0 --admin off --log-format json "$@" 2>"$work/ours.log" &
    ours_pid=$!
    pids+=("$ours_pid")
    until grep -q '"listening"' "$work/ours.log" 2>/dev/null; do :; done
    ours_at=127.0.0.1:$(sed -nE 's/.*"listening".*"port":([0-9]+).*/\1/p' "$work/ours.log" | head -n 1)
    first_produce "$ours_at" "$begun"
}

start_mock() { # -> sets mock_pid, mock_at
    build/release/bin/bench_client mock >"$work/mock.log" 2>"$work/mock.errors" &
    mock_pid=$!
    pids+=("$mock_pid")
    until [ -s "$work/mock.log" ]; do :; done
    mock_at=$(cat "$work/mock.log")
}

stop() { # PID
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
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

header() {
    echo
    echo '| broker | bytes | partitions | codec | produce MB/s | CPU s per million | consume records/s | CPU s per million |'
    echo '| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |'
}

wanted() { case $parts in *" $1 "*) ;; *) return 1 ;; esac; }

# With librdkafka, whose mock cluster drops what is older than 5 MiB: nothing is read back.
throughput() { # NAME PID ADDRESS BYTES
    local before after produced count=$((megabytes * 1000000 / $4))
    before=$(cpu_ticks "$2")
    produced=$(build/release/bin/bench_client produce --bootstrap "$3" --topic "p-$RANDOM" --count "$count" --bytes "$4")
    after=$(cpu_ticks "$2")
    printf '| %s | %s | %s | %s |\n' "$1" "$4" "$produced" "$(awk "BEGIN {printf \"%.1f\", ($after - $before) / 100 * 1000000 / $count}")"
}

start_ours --memory-log-mib 6000
ours_ready=$ready_ms
start_kafka "$tmpfs"
kafka_ready=$ready_ms
echo "ready for the first produce (kcat's own start in it): ours $ours_ready ms, Kafka $kafka_ready ms"
echo "idle memory (PSS): ours $(pss_kib "$ours_pid") KiB, Kafka $(pss_kib "$kafka_pid") KiB"
if wanted memory; then
    header
    for bytes in 100 1024 10240; do
        for partitions in 1 8; do
            for codec in none lz4; do
                measure 'ours, memory' "$ours_pid" "$ours_at" "$bytes" "$partitions" "$codec"
                measure 'Kafka, tmpfs' "$kafka_pid" "$kafka_at" "$bytes" "$partitions" "$codec"
            done
        done
    done
fi
if wanted latency || wanted mock; then
    start_mock
fi
if wanted latency; then
    echo
    echo 'produce to consume, one librdkafka program, 5,000 messages/s of 1 KiB, acks=1, from the instant a message is due, ms'
    echo
    echo '| broker | round | p50 | p99 | p99.9 | greatest |'
    echo '| --- | ---: | ---: | ---: | ---: | ---: |'
    for ((round = 1; round <= rounds; ++round)); do
        for which in "ours, memory=$ours_at" "Kafka, tmpfs=$kafka_at" "librdkafka's mock=$mock_at"; do
            echo "| ${which%=*} | $round | $(build/release/bin/bench_client latency --seconds 12 --bootstrap "${which#*=}" --topic "l-$RANDOM" || echo failed) |"
        done
    done
fi
if wanted mock; then
    echo
    echo "produce, one librdkafka program, acks=1, one partition"
    echo
    echo '| broker | bytes | produce MB/s | CPU s per million |'
    echo '| --- | ---: | ---: | ---: |'
    for ((round = 1; round <= rounds; ++round)); do
        for bytes in 100 1024; do
            throughput 'ours, memory' "$ours_pid" "$ours_at" "$bytes"
            throughput 'Kafka, tmpfs' "$kafka_pid" "$kafka_at" "$bytes"
            throughput "librdkafka's mock" "$mock_pid" "$mock_at" "$bytes"
        done
    done
fi
stop "$ours_pid"
stop "$kafka_pid"
if wanted disk && build/release/bin/chaosbroker serve --help | grep -q -- '--data'; then
    mkdir "$disk/ours" "$disk/kafka"
    start_ours --data "$disk/ours"
    start_kafka "$disk/kafka"
    header
    for bytes in 100 1024 10240; do
        for partitions in 1 8; do
            measure 'ours, disk' "$ours_pid" "$ours_at" "$bytes" "$partitions" none
            measure 'Kafka, disk' "$kafka_pid" "$kafka_at" "$bytes" "$partitions" none
        done
    done
fi
