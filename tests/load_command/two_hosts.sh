#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Load is produced on one host and answered on another, then on two and answered on a third: network namespaces with cables
# between them. The server counts what it answered; the run must have counted the same. Needs root, and says so with 77
# where it is not.
set -euo pipefail
[ "$(id -u)" -eq 0 ] && command -v ip >/dev/null || { echo "needs root and iproute2 for network namespaces: skipped"; exit 77; }
program=$PWD/build/release/bin/chaosbroker
work=$(mktemp -d)
left=cbload-a$$
right=cbload-b$$
third=cbload-c$$
server=
joined=
finish() {
    [ -n "$joined" ] && kill "$joined" 2>/dev/null || true
    [ -n "$server" ] && kill "$server" 2>/dev/null || true
    [ -n "$server" ] && wait "$server" 2>/dev/null || true
    ip netns delete "$left" 2>/dev/null || true
    ip netns delete "$right" 2>/dev/null || true
    ip netns delete "$third" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
ip netns add "$left" || { echo "network namespaces are not allowed here: skipped"; exit 77; }
ip netns add "$right"
ip netns add "$third"
ip -n "$left" link add cable type veth peer name cable netns "$right"
ip -n "$left" address add 192.0.2.1/24 dev cable
ip -n "$right" address add 192.0.2.2/24 dev cable
for each in "$left" "$right"; do
    ip -n "$each" link set lo up
    ip -n "$each" link set cable up
done

ip -n "$third" link set lo up
ip -n "$left" link add more type veth peer name cable netns "$third"
ip -n "$right" link add more type veth peer name more netns "$third"
ip -n "$left" address add 198.51.100.1/24 dev more
ip -n "$third" address add 198.51.100.2/24 dev cable
ip -n "$right" address add 203.0.113.1/24 dev more
ip -n "$third" address add 203.0.113.2/24 dev more
for each in "$left more" "$right more" "$third cable" "$third more"; do
    # shellcheck disable=SC2086
    set -- $each
    ip -n "$1" link set "$2" up
done
ip -n "$third" route add 192.0.2.0/24 via 198.51.100.1

cat >"$work/server.py" <<'TEXT'
import http.server, socketserver, sys, threading
answered = 0
lock = threading.Lock()
class answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        global answered
        with lock:
            answered += 1
            text = str(answered).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_):
        pass
class server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128
running = server(("192.0.2.1", 0), answering)
print(running.server_port, flush=True)
running.serve_forever()
TEXT
ip netns exec "$left" python3 "$work/server.py" >"$work/port" &
server=$!
for _ in $(seq 100); do
    [ -s "$work/port" ] && break
    python3 -c 'import select; select.select([], [], [], 0.1)'
done
port=$(cat "$work/port")
cat >"$work/hosts.yaml" <<TEXT
format: 1
name: two hosts
services: {other: "http://192.0.2.1:$port"}
inject: {open: [{constant_users_per_sec: {rate: 100, during: 3s}}]}
steps:
  - http: {name: page, get: /, check: {status: 200}}
  - pause: 20ms
  - http: {name: again, get: /, check: {status: 200}}
TEXT
cd "$work"
# Without the host's name on the command line nothing is sent.
code=0
ip netns exec "$right" "$program" load hosts.yaml --out refused --admin off >refused.log 2>&1 || code=$?
[ "$code" -eq 2 ] && grep -q -- "--allow-target 192.0.2.1" refused.log || { cat refused.log; echo "not refused: $code"; exit 1; }
code=0
ip netns exec "$right" "$program" load hosts.yaml --out run --admin off --allow-target 192.0.2.1 >run.log 2>&1 || code=$?
# A busy machine can make the figures untrustworthy (3); what was sent and answered must agree all the same.
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { cat run.log; exit 1; }
before=0
# agree FOLDER: what the server answered since the last time, and what the run counted.
agree() {
    local answered
    answered=$(ip netns exec "$left" curl -s "http://192.0.2.1:$port/")
    python3 - $((answered - 1 - before)) "$1/report.json" <<'TEXT'
import json, sys
steps = json.load(open(sys.argv[2]))["steps"]
counted = sum(step["count"] for step in steps)
failed = sum(step["failed"] for step in steps)
print(f"the server answered {int(sys.argv[1])}, the run counted {counted}, {failed} failed")
sys.exit(0 if counted == int(sys.argv[1]) and failed == 0 and counted > 400 else 1)
TEXT
    before=$answered
}
agree run

# The same from two hosts, which meet on a bus that the first one starts.
mkdir elsewhere
(cd elsewhere && exec ip netns exec "$third" "$program" load --join 203.0.113.1:9099) >joined.log 2>&1 &
joined=$!
code=0
ip netns exec "$right" "$program" load hosts.yaml --out together --admin off --allow-target 192.0.2.1 --machines 2 \
    --bus-listen 203.0.113.1:9099 >together.log 2>&1 || code=$?
[ "$code" -eq 0 ] || [ "$code" -eq 3 ] || { cat together.log joined.log; exit 1; }
wait "$joined" || { cat together.log joined.log; echo "the machine that joined did not end well"; exit 1; }
joined=
grep -Eq '^[1-9][0-9]* users came here' joined.log || { cat joined.log; echo "no users on the second host"; exit 1; }
agree together
