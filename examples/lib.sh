# shellcheck shell=bash
# What the examples share: a temporary folder $work that ends with the script, and with it what was started. Source it;
# $example names the script in messages, $bin is the folder of the programs.
set -euo pipefail
: "${example:?}" "${bin:?}"
work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-example.XXXXXX")
pids=()

say() { printf '\n== %s\n' "$*"; }

finish() {
  local status=$?
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ $status -ne 0 ]; then
    echo "$example: failed. The ends of the logs:" >&2
    tail -n 20 "$work"/*.log >&2 2>/dev/null || true
  fi
  rm -rf "$work"
  exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_until() { # SECONDS COMMAND...: until the command succeeds
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "$example: gave up waiting for: $*" >&2; return 1; }
    sleep 0.1
  done
}

# Debian's docker-registry at $registry.
start_registry() {
  registry=127.0.0.1:$(free_port)
  cat >"$work/registry.yml" <<Y
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "$registry"}
Y
  docker-registry serve "$work/registry.yml" >"$work/registry.out" 2>&1 &
  pids+=($!)
  wait_until 20 curl -fsS "http://$registry/v2/"
}

# slipwayd with these options; `slipway` finds it.
start_daemon() {
  export SLIPWAY_SERVER=unix:$work/slipway.sock
  "$bin/slipwayd" "$@" >"$work/slipwayd.log" 2>&1 &
  pids+=($!)
  wait_until 60 "$bin/slipway" version
}
