#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The load generator against nginx on this machine.
#   ./cb bench load [PART…]
# Parts, all by default:
#   users   400,000 users with a connection each, 30 s exponential think time, three minutes after all have come
#   pool    400,000 users with 10 s think time over a pool of 1,000 connections: 40,000 requests a second
#   cost    requests per CPU second beside wrk, h2load and ab: 100 connections, no think time, one generator core, three
#           rounds in turn
#   plateau (not by default, `./cb soak load`) the users of the first part for ten minutes: memory must stay as it is
#   peers   (not by default) the same scenario by Gatling and Locust: users held, memory a user, requests per CPU second
# Server and generator run in a network namespace of their own when we are root: whoever reads the machine's socket table
# meanwhile would have 800,000 lines to go through, and slow down what is measured.
set -euo pipefail
parts=" ${*:-users pool cost} "
users=${CB_BENCH_USERS:-400000}
program=build/release/bin/chaosbroker
work=$(mktemp -d)
chmod 755 "$work" # nginx's workers are nobody
pids=()
space=
inside=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    [ -n "$space" ] && ip netns delete "$space"
    rm -rf "$work"
}
trap finish EXIT
if [ "$(id -u)" -eq 0 ] && ip netns add "cbload$$" 2>/dev/null; then
    space=cbload$$
    inside=(ip netns exec "$space")
    ip -n "$space" link set lo up
fi
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
files=$(ulimit -Hn)

start_nginx() { # WORKERS
    cat >"$work/nginx.conf" <<TEXT
daemon off;
worker_processes $1;
worker_rlimit_nofile $files;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections $((files - 100)); }
http {
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    keepalive_timeout 600s;
    keepalive_requests 1000000000;
    server {
        listen 127.0.0.1:$port reuseport backlog=4096;
        location / { default_type text/plain; return 200 "hello world\n"; }
        location = /status { stub_status; }
    }
}
TEXT
    "${inside[@]}" "${@:2}" nginx -c "$work/nginx.conf" 2>"$work/nginx.log" &
    nginx=$!
    pids+=("$nginx")
    for _ in $(seq 100); do
        "${inside[@]}" curl -s "http://127.0.0.1:$port/" >/dev/null && return 0
        python3 -c 'import select; select.select([], [], [], 0.1)'
    done
    cat "$work/nginx.log" "$work/error.log" >&2
    return 1
}
stop_nginx() { kill "$nginx" && wait "$nginx" 2>/dev/null || true; }

# watch_memory PARENT: the greatest PSS, in KiB, of a process and its children, and that of the last look. Each look, with
# its second, is a line of $work/memory.
watch_memory() {
    python3 - "$1" "$work/memory" <<'TEXT'
import os, select, sys, time
parent, looks = sys.argv[1], open(sys.argv[2], "w")
most = last = 0
began = time.monotonic()
while os.path.exists(f"/proc/{parent}"):
    pss = 0
    try:
        ids = [parent] + open(f"/proc/{parent}/task/{parent}/children").read().split()
        for each in ids:
            for line in open(f"/proc/{each}/smaps_rollup"):
                if line.startswith("Pss:"):
                    pss += int(line.split()[1])
                    break
    except (OSError, ValueError):
        break
    last = pss
    most = max(most, pss)
    print(f"{time.monotonic() - began:.1f} {pss}", file=looks, flush=True)
    select.select([], [], [], 2)
print(most, last)
TEXT
}

# run_users NAME THINK RAMP_S LENGTH_S EXPECTED_RATE EXTRA-LINE…
run_users() {
    local name=$1 think=$2 ramp=$3 length=$4 expected=$5 run memory
    shift 5
    {
        printf 'format: 1\nname: %s\nservices: {web: "http://127.0.0.1:%s"}\n' "$name" "$port"
        printf '%s\n' "$@"
        cat <<TEXT
inject: {open: [{ramp_users: {users: $users, during: ${ramp}s}}]}
steps:
  - during:
      for: 1h
      steps:
        - http: {name: page, get: /, check: {status: 200}}
        - pause: {exponential: $think}
TEXT
    } >"$work/$name.yaml"
    "${inside[@]}" "$program" load "$work/$name.yaml" --out "$work/$name" --max-duration $((ramp + length))s --admin off \
        >"$work/$name.log" 2>&1 &
    run=$!
    pids+=("$run")
    memory=$(watch_memory "$run")
    wait "$run" || true
    python3 - "$work/$name" "$users" "$ramp" "$expected" $memory <<'TEXT'
import json, sqlite3, sys
folder, users, ramp, expected, most, last = sys.argv[1], *map(int, sys.argv[2:])
db = sqlite3.connect(folder + "/run.db")
report = json.load(open(folder + "/report.json"))
step = report["steps"][0]
end = db.execute("SELECT MAX(second) FROM step_second").fetchone()[0]
count, failed, seconds = db.execute(
    "SELECT SUM(count), SUM(failed), COUNT(*) FROM step_second WHERE second > ? AND second < ?", (ramp, end)).fetchone()
slips = [row[0] / 1e6 for row in db.execute(
    "SELECT p99_ns FROM latency_second WHERE series = 'slip' AND second > ? AND second < ? ORDER BY p99_ns", (ramp, end))]
response = step["response_us"]
print(f"  {users} users after {ramp} s, then {seconds} s: {count / seconds:.0f} requests a second"
      f" ({100 * (count / seconds / expected - 1):+.2f} % of {expected}), {step['failed']} of {step['count']} failed")
print(f"  response p50 {response['p50'] / 1e3:.2f} p99 {response['p99'] / 1e3:.2f} p99.9 {response['p999'] / 1e3:.2f} ms,"
      f" slip p99 {step['slip_us']['p99'] / 1e3:.2f} ms over the whole run;"
      f" of the seconds after the ramp the middle one has {slips[len(slips) // 2]:.2f} ms, the worst {slips[-1]:.2f}")
print(f"  user-space memory (PSS, all processes): most {most / 1024:.0f} MiB, last {last / 1024:.0f} MiB,"
      f" {most * 1024 / users:.0f} bytes a user")
print(f"  verdict {report['verdict']}: {'; '.join(report['reasons']) or 'no objection'}")
TEXT
}

# judge_plateau RAMP_S: the straight line through the memory from half a minute after the ramp on must not rise by more than
# one percent (or 2 MiB, for what many histograms touch for the first time) over the rest of the run, and no look may be more
# than that above the first ones.
judge_plateau() {
    python3 - "$work/memory" "$1" <<'TEXT'
import sys
looks = [tuple(map(float, line.split())) for line in open(sys.argv[1])]
since = float(sys.argv[2]) + 30
looks = [(at, kib) for at, kib in looks if at >= since][:-2]  # at the end processes go
if len(looks) < 10:
    sys.exit("  too short a run to judge memory by")
mean_at = sum(at for at, _ in looks) / len(looks)
mean = sum(kib for _, kib in looks) / len(looks)
slope = sum((at - mean_at) * (kib - mean) for at, kib in looks) / sum((at - mean_at) ** 2 for at, _ in looks)
span = looks[-1][0] - looks[0][0]
rise = slope * span / mean
worst = max(kib for _, kib in looks) / (sum(kib for _, kib in looks[:5]) / 5) - 1
print(f"  memory over {span:.0f} s: {looks[0][1] / 1024:.1f} MiB at first, {looks[-1][1] / 1024:.1f} at last, the line through"
      f" {len(looks)} looks rises by {100 * rise:+.2f} %, the highest look is {100 * worst:+.2f} % above the first")
if max(rise, worst) > max(0.01, 2048 / mean):
    sys.exit("  NO PLATEAU: memory grows")
print("  a plateau")
TEXT
}

# cpu_of COMMAND…: runs it; its user and system seconds, children included, and its output in $work/out.
cpu_of() {
    python3 - "$work/out" "$@" <<'TEXT'
import resource, subprocess, sys
with open(sys.argv[1], "w") as out:
    subprocess.run(sys.argv[2:], stdout=out, stderr=subprocess.STDOUT, check=False)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{used.ru_utime + used.ru_stime:.3f}")
TEXT
}

cost() {
    local round tool count cpu seconds=8 url="http://127.0.0.1:$port/"
    cat >"$work/cost.yaml" <<TEXT
format: 1
name: cost
services: {web: "http://127.0.0.1:$port"}
inject: {closed: [{constant_concurrent_users: {users: 100, during: ${seconds}s}}]}
steps: [{during: {for: ${seconds}s, steps: [{http: {name: page, get: /, check: {status: 200}}}]}}]
TEXT
    : >"$work/cost.rows"
    for round in 1 2 3; do
        for tool in ours wrk h2load ab; do
            case $tool in
                ours)
                    rm -rf "$work/cost"
                    cpu=$(cpu_of "${inside[@]}" taskset -c 1 "$program" load "$work/cost.yaml" --workers 1 --out "$work/cost" --admin off)
                    count=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["steps"][0]["count"])' "$work/cost/report.json")
                    ;;
                wrk)
                    cpu=$(cpu_of "${inside[@]}" taskset -c 1 wrk -t1 -c100 -d${seconds}s --latency "$url")
                    count=$(sed -nE 's/^ *([0-9]+) requests in .*/\1/p' "$work/out")
                    ;;
                h2load)
                    cpu=$(cpu_of "${inside[@]}" taskset -c 1 h2load --h1 -t1 -c100 -D $seconds "$url")
                    count=$(sed -nE 's/^requests: ([0-9]+) total.*/\1/p' "$work/out")
                    ;;
                ab)
                    cpu=$(cpu_of "${inside[@]}" taskset -c 1 ab -k -c100 -t $seconds -n 100000000 "$url")
                    count=$(sed -nE 's/^Complete requests: *([0-9]+)/\1/p' "$work/out")
                    ;;
            esac
            echo "$tool $count $cpu" >>"$work/cost.rows"
        done
    done
    python3 - "$work/cost.rows" "$seconds" <<'TEXT'
import sys
rows = {}
for line in open(sys.argv[1]):
    tool, count, cpu = line.split()
    rows.setdefault(tool, []).append((int(count) / float(cpu), int(count) / float(sys.argv[2])))
wrk = sorted(each[0] for each in rows["wrk"])[1]
print("  tool     requests per CPU second (least, middle, most)     to wrk   requests a second")
for tool, each in rows.items():
    per_cpu = sorted(value[0] for value in each)
    rate = sorted(value[1] for value in each)[1]
    print(f"  {tool:7} {per_cpu[0]:10.0f} {per_cpu[1]:10.0f} {per_cpu[2]:10.0f}           {per_cpu[1] / wrk:14.2f} {rate:15.0f}")
TEXT
}

if [[ $parts == *" users "* || $parts == *" pool "* ]]; then
    start_nginx $(((users + files - 1) / files + 5))
    if [[ $parts == *" users "* ]]; then
        echo "Users with a connection each, exponential think time of 30 s"
        run_users users 30s 55 185 $((users / 30))
    fi
    if [[ $parts == *" pool "* ]]; then
        echo "Users over a pool of 1,000 connections, exponential think time of 10 s"
        run_users pool 10s 55 65 $((users / 10)) "connections: {pool: 1000}"
    fi
    stop_nginx
fi
if [[ $parts == *" plateau "* ]]; then
    minutes=${CB_SOAK_MINUTES:-10}
    start_nginx $(((users + files - 1) / files + 5))
    echo "Users with a connection each for $minutes minutes"
    run_users plateau 30s 55 $((minutes * 60 + 5)) $((users / 30))
    judge_plateau 55
    stop_nginx
fi
if [[ $parts == *" cost "* ]]; then
    start_nginx 1 taskset -c 0
    echo "100 connections, no think time; generator on one core, nginx on the other"
    cost
    stop_nginx
fi
if [[ $parts == *" peers "* ]]; then
    source bench/load_peers.sh
    start_nginx 3
    echo "One scenario by three tools, exponential think time of $((peer_think_ms / 1000)) s"
    peers
    stop_nginx
fi
