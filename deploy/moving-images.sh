#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the images moving-accounting, moving-announcement, moving-matching, moving-tracking and moving-billing from
# build/release/bin/moving: the program and the libraries that it is linked with, nothing else. No registry is asked.
#
#   ./cb build && deploy/moving-images.sh                    with docker where it answers, else podman
#   deploy/moving-images.sh podman --root DIR …              with these words in front of `import`
#
# An image's database is /data/SERVICE.db unless --database says otherwise; it listens on all addresses, port 8080.
set -euo pipefail
cd "$(dirname "$0")/.."

program=build/release/bin/moving
[ -x "$program" ] || { echo "deploy/moving-images.sh: $program is not there: ./cb build makes it" >&2; exit 2; }

engine=("$@")
if [ ${#engine[@]} -eq 0 ]; then
    if docker info >/dev/null 2>&1; then
        engine=(docker)
    elif command -v podman >/dev/null 2>&1; then
        engine=(podman)
    else
        echo "deploy/moving-images.sh: neither docker (with an engine that answers) nor podman is here" >&2
        exit 4
    fi
fi

root=$(mktemp -d)
trap 'rm -rf "$root" "$root.log"' EXIT
chmod 755 "$root"
mkdir -p "$root/usr/bin" "$root/data" "$root/tmp" "$root/etc"
chmod 1777 "$root/data" "$root/tmp"
echo 'moving:x:10001:10001::/data:/usr/bin/moving' >"$root/etc/passwd"
install -m 755 "$program" "$root/usr/bin/moving"
strip --strip-debug "$root/usr/bin/moving"
# Each library where the loader looks for it: the path that ldd tells.
ldd "$program" | grep -oE '/[^ ]+' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done

for service in accounting announcement matching tracking billing; do
    tar -C "$root" --owner=0 --group=0 -c . | "${engine[@]}" import \
        --change "ENTRYPOINT [\"/usr/bin/moving\",\"$service\",\"--listen\",\"0.0.0.0:8080\"]" \
        --change "ENV CHAOSBROKER_SERVICE=$service" \
        --change "LABEL app.kubernetes.io/name=$service" \
        --change "WORKDIR /data" --change "USER 10001" --change "EXPOSE 8080" \
        - "moving-$service" >"$root.log" 2>&1 || { cat "$root.log" >&2; exit 4; }
    echo "moving-$service"
done
