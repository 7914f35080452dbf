#!/bin/bash
# Run a command with a private Docker engine: .ci/docker.sh COMMAND… (as root, on Debian or Ubuntu).
# Installs the engine where it is missing, starts one of its own (no bridge, no firewall rules, its own
# folders and socket), sets DOCKER_HOST for the command, and stops exactly that engine at the end.
set -euo pipefail
if ! command -v dockerd >/dev/null || ! command -v iptables >/dev/null; then
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables >&2
fi
root=$(mktemp -d)
stop() {
    if [ -s "$root/docker.pid" ]; then
        pid=$(cat "$root/docker.pid")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    fi
    rm -rf "$root" 2>/dev/null || true
}
trap stop EXIT
dockerd --bridge=none --iptables=false --ip6tables=false --data-root "$root/data" --exec-root "$root/exec" \
    --pidfile "$root/docker.pid" --host "unix://$root/docker.sock" >"$root/log" 2>&1 &
for _ in $(seq 300); do
    [ -S "$root/docker.sock" ] && grep -q "API listen" "$root/log" && break
    sleep 0.1
done
grep -q "API listen" "$root/log" || { echo "the Docker engine did not start:" >&2; tail -20 "$root/log" >&2; exit 1; }
DOCKER_HOST="unix://$root/docker.sock" SPARRING_REQUIRE_DOCKER=1 "$@"
