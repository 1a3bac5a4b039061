#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The moving system: broker, five services, load generator, all on this machine; SQLite, safe delivery, durability normal.
#   ./cb bench moving [PART…]
# Parts, all by default:
#   idle         memory (PSS) of each instance that has nothing to do
#   connections  10,000 idle keep-alive connections to tracking: memory each
#   journeys     examples/deliver-a-bike.yaml at rising rates: complete journeys a second, p99, CPU by process
#   reads        GET of a tracking state: wrk, requests a CPU second of tracking; then p99 in the open model: at 7,500 a
#                second (half of the bar), and at half of what wrk reached
# CB_BENCH_RATES ("25 50 100 150 200 250") and CB_BENCH_SECONDS (12) for journeys.
set -euo pipefail
parts=" ${*:-idle connections journeys reads} "
rates=${CB_BENCH_RATES:-25 50 100 150 200 250}
seconds=${CB_BENCH_SECONDS:-12}
bin=$PWD/build/release/bin
examples=$PWD/examples
work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
pause() { python3 -c 'import select, sys; select.select([], [], [], float(sys.argv[1]))' "$1"; }
wait_for() { # TEXT FILE
    for _ in $(seq 300); do
        grep -q "$1" "$2" 2>/dev/null && return 0
        pause 0.1
    done
    cat "$2" >&2
    return 1
}

start_system() {
    "$bin/chaosbroker" serve --listen 127.0.0.1:0 --admin off --log-format json 2>"$work/broker.log" >&2 &
    broker=$!
    pids+=("$broker")
    wait_for '"listening"' "$work/broker.log"
    brokers=127.0.0.1:$(sed -nE 's/.*"listening".*"port":([0-9]+).*/\1/p' "$work/broker.log" | head -n 1)
    local ports=()
    for name in accounting announcement matching tracking billing; do ports+=(--port "$name=0"); done
    "$bin/moving" up --dir "$work/moving" --brokers "$brokers" "${ports[@]}" >"$work/up.log" 2>&1 &
    up=$!
    pids+=("$up")
    wait_for '"all ready"' "$work/up.log"
    sed -nE 's/.*"instance started","name":"([a-z]+)-1","pid":([0-9]+).*/\1 \2/p' "$work/up.log" >"$work/instances"
    { echo "broker $broker"; echo "up $up"; } >>"$work/instances"
}
url_of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["services"][sys.argv[2]]["url"])' "$work/moving/services.json" "$1"; }
pid_of() { sed -nE "s/^$1 //p" "$work/instances"; }
pss_kib() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"; }
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }

idle() {
    pause 5
    echo "Memory of an idle instance (PSS, KiB; the bar is 15,360)"
    while read -r name pid; do
        [ "$name" = up ] || printf '  %-14s %8d\n' "$name" "$(pss_kib "$pid")"
    done <"$work/instances"
}

connections() {
    python3 - "$(url_of tracking)" "$(pid_of tracking)" <<'TEXT'
import resource, select, socket, sys
url, pid = sys.argv[1], sys.argv[2]
host, port = url.removeprefix("http://").split(":")
count, rounds = 10000, 3
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
def pss():
    for line in open(f"/proc/{pid}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
each = []
for _ in range(rounds):
    before = pss()
    lines = []
    for _ in range(count):
        line = socket.create_connection((host, int(port)))
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
        lines.append(line)
    select.select([], [], [], 3)  # their buffers go back to the pool after a second
    each.append((pss() - before) / count)
    if len(each) < rounds:
        for line in lines:
            line.close()
        select.select([], [], [], 1)
print(f"{count} idle keep-alive connections to tracking, each after an answer")
print(f"  memory a connection: first {each[0]:.0f} bytes (the bar is 2,048); opened again: "
      + ", ".join(f"{more:.0f}" for more in each[1:]) + " more")
TEXT
}

# write_scenario RATE FILE
write_scenario() {
    python3 - "$work/moving/services.json" "$examples/deliver-a-bike.yaml" "$1" "$seconds" "$2" "$brokers" <<'TEXT'
import json, re, sys
services, example, rate, seconds, out, brokers = sys.argv[1:]
text = open(example).read()
for name, service in json.load(open(services))["services"].items():
    text = re.sub(rf"^  {name}: .*$", f"  {name}: {service['url']}", text, flags=re.M)
text = re.sub(r"^brokers: .*$", f"brokers: {brokers}", text, flags=re.M)
text, changed = re.subn(r"rate: [0-9]+, during: [0-9a-z]+", f"rate: {rate}, during: {seconds}s", text)
assert changed == 1
open(out, "w").write(text)
TEXT
}

journeys() {
    cp "$examples/ways.csv" "$work/"
    echo "Complete journeys a second (direct route, 12 requests and 9 events each), $seconds s each"
    printf '  %6s %9s %8s %7s %12s %12s   %s\n' rate complete failed took 'matched p99' 'request p99' 'CPU, cores of all 2: by process'
    local rate
    for rate in $rates; do
        write_scenario "$rate" "$work/bike.yaml"
        while read -r name pid; do echo "$name $(ticks "$pid")"; done <"$work/instances" >"$work/before"
        rm -rf "$work/run"
        python3 - "$work" "$bin/chaosbroker" "$rate" "$seconds" <<'TEXT'
import json, os, resource, subprocess, sys, time
work, program, rate, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
began = time.monotonic()
with open(work + "/load.log", "w") as log:
    subprocess.run([program, "load", work + "/bike.yaml", "--out", work + "/run", "--admin", "off"], stdout=log,
                   stderr=subprocess.STDOUT, check=False)
took = time.monotonic() - began
tick = os.sysconf("SC_CLK_TCK")
before = dict(line.split() for line in open(work + "/before"))
def now(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
cpu = {name: (now(pid) - int(before[name])) / tick / took
       for name, pid in (line.split() for line in open(work + "/instances"))}
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu["load"] = (used.ru_utime + used.ru_stime) / took
report = json.load(open(work + "/run/report.json"))
steps = {step["step"]: step for step in report["steps"]}
failed = sum(step["failed"] for step in report["steps"])
complete = steps["finished"]["count"] - steps["finished"]["failed"] if "finished" in steps else 0
requests = [step["response_us"]["p99"] for name, step in steps.items() if name not in ("matched", "finished")]
# What came late is done after the last has come: a rate is held when this takes no longer than a journey does.
held = complete / max(seconds, took - 1.5)
print(f"  {rate:6.0f} {held:9.1f} {failed:8} {took:6.1f}s {steps['matched']['response_us']['p99'] / 1e3:10.1f}ms"
      f" {max(requests) / 1e3:10.1f}ms   {sum(cpu.values()):.2f}: "
      + ", ".join(f"{name} {value:.2f}" for name, value in sorted(cpu.items(), key=lambda each: -each[1])))
TEXT
    done
}

# A move of which a good is followed, for reads.
make_move() {
    python3 - "$work/moving/services.json" <<'TEXT'
import json, select, sys, urllib.error, urllib.request, uuid
services = {name: each["url"] for name, each in json.load(open(sys.argv[1]))["services"].items()}
def post(service, path, **body):
    asked = urllib.request.Request(services[service] + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(asked))
def announce(kind):
    return post("announcement", "/announcements", type=kind, owner=f"bench-{uuid.uuid4()}", litres=90, earliest="2050-05-01",
                latest="2050-05-01", **{"from": "Paris", "to": "Brest"})["id"]
good = announce("GOOD")
announce("COURSE")
for _ in range(300):
    try:
        urllib.request.urlopen(services["tracking"] + "/tracking/" + good)
        break
    except urllib.error.HTTPError:
        select.select([], [], [], 0.1)
print(good)
TEXT
}

reads() {
    local good url pid round before after rate
    good=$(make_move)
    url=$(url_of tracking)/tracking/$good
    pid=$(pid_of tracking)
    echo "GET /tracking/{good}, 64 connections, wrk on the same machine, 3 rounds of 6 s"
    : >"$work/reads"
    for round in 1 2 3; do
        before=$(ticks "$pid")
        wrk -t1 -c64 -d6s --latency "$url" >"$work/wrk.log"
        after=$(ticks "$pid")
        sed -nE "s/^ *([0-9]+) requests in .*/\1 $((after - before))/p" "$work/wrk.log" >>"$work/reads"
        grep -q 'Non-2xx' "$work/wrk.log" && { cat "$work/wrk.log" >&2; return 1; }
    done
    rate=$(python3 - "$work/reads" <<'TEXT'
import os, sys
rows = [tuple(map(int, line.split())) for line in open(sys.argv[1])]
per_second = sorted(count / 6 for count, _ in rows)
per_cpu = sorted(count / (ticks / os.sysconf("SC_CLK_TCK")) for count, ticks in rows)
print("  requests a second: least {:.0f}, middle {:.0f}, most {:.0f}".format(*per_second), file=sys.stderr)
print("  requests a CPU second of tracking: least {:.0f}, middle {:.0f}, most {:.0f} (the bar is 15,000)".format(*per_cpu),
      file=sys.stderr)
print(int(per_second[1] / 2))
TEXT
    )
    read_at 7500 "half of the bar"
    read_at "$rate" "half of what wrk reached"
}

# read_at RATE WHAT-IT-IS
read_at() {
    cat >"$work/read.yaml" <<TEXT
format: 1
name: read
services: {tracking: "$(url_of tracking)"}
connections: {pool: 200}
arrivals: uniform
inject: {open: [{constant_users_per_sec: {rate: $1, during: 10s}}]}
steps: [{http: {name: where is it, get: "/tracking/$good", check: {status: 200}}}]
TEXT
    rm -rf "$work/read"
    "$bin/chaosbroker" load "$work/read.yaml" --out "$work/read" --admin off >"$work/load.log" 2>&1 || true
    python3 - "$work/read/report.json" "$1" "$2" <<'TEXT'
import json, sys
report = json.load(open(sys.argv[1]))
step = report["steps"][0]
times = step["response_us"]
print(f"  at {sys.argv[2]} a second, {sys.argv[3]}: {step['count']} requests, {step['failed']} failed,"
      f" p50 {times['p50'] / 1e3:.2f} ms, p99 {times['p99'] / 1e3:.2f} ms (the bar is 50), p99.9 {times['p999'] / 1e3:.2f} ms"
      + "".join(f"; {reason}" for reason in report["reasons"]))
TEXT
}

start_system
[[ $parts == *" idle "* ]] && idle
[[ $parts == *" connections "* ]] && connections
[[ $parts == *" journeys "* ]] && journeys
[[ $parts == *" reads "* ]] && reads
"$bin/moving" audit --dir "$work/moving" --settle 30s >"$work/audit.log" 2>&1 && echo "the audit after it: all zero" || cat "$work/audit.log"
