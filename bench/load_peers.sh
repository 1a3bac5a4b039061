#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `./cb bench load peers`: one scenario on one nginx, by this generator, by Gatling (Maven Central) and by Locust (PyPI), one
# after the other: users with a connection each and exponential think times, then 100 users that do not think, on one core.
# What is counted is what nginx has counted and the kernel knows of the generator's processes, over a window in the middle of
# each run, so that no tool is believed. A tool that cannot be fetched is left out, and that is said.
# Sourced by bench/load.sh, whose nginx and network namespace it uses.
peer_sizes=${CB_BENCH_PEER_USERS:-2000 10000 18000}
peer_think_ms=10000
peer_window_s=${CB_BENCH_PEER_WINDOW_S:-20}

fetch_load_peers() {
    gatling=$PWD/.cache/gatling
    locust=$PWD/.cache/locust
    mkdir -p .cache
    if [ ! -f "$gatling.done" ] || ! cmp -s bench/load_peers/pom.xml "$gatling.done"; then
        rm -rf "$gatling"
        mvn -q -B -f bench/load_peers/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy-dependencies \
            -DoutputDirectory="$gatling" >.cache/gatling.log 2>&1 </dev/null && cp bench/load_peers/pom.xml "$gatling.done"
    fi
    if [ -f "$gatling.done" ]; then
        mkdir -p "$work/gatling"
        javac -cp "$gatling/*" -d "$work/gatling" bench/load_peers/ThinkingUsers.java
    else
        echo "  Gatling could not be fetched (.cache/gatling.log says why): left out"
        gatling=
    fi
    if [ ! -x "$locust/bin/locust" ]; then
        python3 -m venv "$locust" >.cache/locust.log 2>&1 &&
            "$locust/bin/pip" install -q locust==2.47.0 >>.cache/locust.log 2>&1 </dev/null || true
    fi
    [ -x "$locust/bin/locust" ] || { echo "  Locust could not be fetched (.cache/locust.log says why): left out"; locust=; }
}

# start_peer TOOL USERS THINK_MS RAMP_S LENGTH_S PREFIX…: in `peer`.
start_peer() {
    local tool=$1 users=$2 think=$3 ramp=$4 length=$5 url="http://127.0.0.1:$port" pause=
    shift 5
    case $tool in
        ours)
            [ "$think" -gt 0 ] && pause=", {pause: {exponential: ${think}ms}}"
            cat >"$work/peer.yaml" <<TEXT
format: 1
name: peer
services: {web: "$url"}
inject: {open: [{ramp_users: {users: $users, during: ${ramp}s}}]}
steps: [{during: {for: 1h, steps: [{http: {name: page, get: /, check: {status: 200}}}$pause]}}]
TEXT
            rm -rf "$work/peer"
            "$@" "$program" load "$work/peer.yaml" --out "$work/peer" --max-duration "${length}s" --admin off \
                ${peer_workers:+--workers $peer_workers} >"$work/peer.log" 2>&1 &
            ;;
        gatling)
            "$@" java -Xmx4G --add-opens=java.base/java.lang=ALL-UNNAMED -cp "$work/gatling:$gatling/*" -Durl="$url" \
                -Dusers="$users" -Dthink_ms="$think" -Dramp_s="$ramp" -Dlength_s="$length" \
                -Dgatling.data.enableAnalytics=false io.gatling.app.Gatling -s ThinkingUsers -nr -rf "$work/gatling-results" \
                >"$work/peer.log" 2>&1 &
            ;;
        locust)
            URL=$url THINK_MS=$think "$@" "$locust/bin/locust" -f bench/load_peers/thinking_users.py --headless \
                -u "$users" -r $((users / ramp)) -t "${length}s" --stop-timeout 1 --only-summary >"$work/peer.log" 2>&1 &
            ;;
    esac
    peer=$!
    pids+=("$peer")
}

# measure_peer WINDOW_S: in a line: requests, CPU seconds, memory in KiB (PSS), open connections; of nginx's count and of
# all processes below `peer`.
measure_peer() {
    "${inside[@]}" python3 - "$peer" "$port" "$1" <<'TEXT'
import os, re, select, sys, urllib.request
peer, port, window = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
def tree(of):
    out = [of]
    for each in out:
        for task in os.listdir(f"/proc/{each}/task"):
            out += [int(x) for x in open(f"/proc/{each}/task/{task}/children").read().split()]
    return out
def cpu():
    total = 0
    for each in tree(peer):
        fields = open(f"/proc/{each}/stat").read().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")
def status():
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/status").read().decode()
    return int(re.search(r"Active connections: (\d+)", text)[1]), int(text.split("\n")[2].split()[2])
try:
    cpu_before, (_, before) = cpu(), status()
    select.select([], [], [], window)
    cpu_after, (connections, after) = cpu(), status()
    pss = 0
    for each in tree(peer):
        for line in open(f"/proc/{each}/smaps_rollup"):
            if line.startswith("Pss:"):
                pss += int(line.split()[1])
    print(after - before - 1, f"{cpu_after - cpu_before:.2f}", pss, connections - 1)
except OSError:
    print("0 0 0 0")
TEXT
}

wait_for() { python3 -c "import select; select.select([], [], [], $1)"; }

end_peer() {
    kill "$peer" 2>/dev/null || true
    wait "$peer" 2>/dev/null || true
}

peers() {
    local tool users ramp tools=(ours)
    fetch_load_peers
    [ -n "$gatling" ] && tools+=(gatling)
    [ -n "$locust" ] && tools+=(locust)
    : >"$work/peers.rows"
    for users in $peer_sizes; do
        ramp=$((users / 1000 + 10))
        for tool in "${tools[@]}"; do
            start_peer "$tool" "$users" "$peer_think_ms" "$ramp" $((ramp + peer_window_s + 25)) "${inside[@]}"
            wait_for $((ramp + 10))
            echo "$tool $users $(measure_peer "$peer_window_s")" >>"$work/peers.rows"
            end_peer
            wait_for 3 # for nginx to see them go
        done
    done
    peer_workers=1
    for tool in "${tools[@]}"; do
        start_peer "$tool" 100 0 1 $((peer_window_s + 35)) "${inside[@]}" taskset -c 1
        wait_for 20 # a JVM is warm by then
        echo "$tool all-out $(measure_peer "$peer_window_s")" >>"$work/peers.rows"
        end_peer
        wait_for 3
    done
    python3 - "$work/peers.rows" "$peer_think_ms" "$peer_window_s" <<'TEXT'
import sys
think, window = int(sys.argv[2]) / 1000, float(sys.argv[3])
rows = [line.split() for line in open(sys.argv[1])]
print("  tool       users   connections   requests a second (to what is due)   memory   bytes a user   requests per CPU second")
for tool, users, requests, cpu, pss, connections in rows:
    rate, cpu, pss = int(requests) / window, float(cpu), int(pss)
    per_cpu = f"{int(requests) / cpu:.0f}" if cpu > 0 else "-"
    if users == "all-out":
        print(f"  {tool:8} {'100, no think time, one core':>30} {rate:12.0f} {'':33} {pss / 1024:6.0f} MiB {per_cpu:>20}")
        continue
    due = int(users) / think
    by_chance = 3 / (due * window) ** 0.5 # think times are drawn
    held = "held" if abs(rate / due - 1) < 0.01 + by_chance and int(connections) >= int(users) else "NOT HELD"
    print(f"  {tool:8} {users:>7} {connections:>13} {rate:12.0f} ({100 * rate / due:5.1f} %, {held}) {pss / 1024:14.0f} MiB"
          f" {pss * 1024 / int(users):14.0f} {per_cpu:>16}")
TEXT
}
