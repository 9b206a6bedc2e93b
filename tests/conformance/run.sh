#!/bin/bash
# Runs the conformance cases with the real daemon, command line, registry and runtime, against recorded references.
#
#   run.sh BIN_DIR [run-cases options]        e.g. run.sh build/release/bin --only 'copy/*' -v
#   run.sh BIN_DIR --layout [options]         judges what `--output type=oci` writes instead of what was pushed
#
# A ratchet: passing.txt lists the cases that must pass; more may. `run.sh BIN_DIR --accept` adds those that pass now.
# Cases that are other projects' own test files are kept outside this tree: $SLIPWAY_CONFORMANCE_MORE names that folder
# (default: ../shared/conformance beside the tree), and they run where it exists.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
bin=$(cd "$1" && pwd)
shift
accept=
if [ "${1:-}" = --accept ]; then accept=1; shift; fi
result=(--builder "$bin/slipway build --progress plain -f {dockerfile} -t {tag} {args} {context}")
if [ "${1:-}" = --layout ]; then
  shift
  result=(--builder "$bin/slipway build --progress plain -f {dockerfile} {args} -o type=oci,tar=false,dest={out} {context}"
    --result 'oci:{out}:latest')
fi
more=${SLIPWAY_CONFORMANCE_MORE:-$top/../shared/conformance}

# Bases are made once and kept: debootstrap takes a minute.
cache=${SLIPWAY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-tests}
mkdir -p "$cache"
work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-conformance.XXXXXX")
pids=()
finish() {
  local status=$?
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  done
  if [ -n "${SLIPWAY_KEEP_LOGS:-}" ] || [ $status -ne 0 ]; then
    rm -rf "$work/state" "$work/registry"
    echo "logs: $work"
  else
    rm -rf "$work"
  fi
  exit $status
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
registry=127.0.0.1:$(free_port)
pids+=("$("$here/bases.sh" --serve "$work/registry" "$registry")")
for _ in $(seq 100); do curl -fsS "http://$registry/v2/" >/dev/null 2>&1 && break; sleep 0.1; done
CONF_WORK=$cache/conf-bases "$here/bases.sh" "$registry" >"$work/bases.log" 2>&1 || { tail "$work/bases.log"; exit 1; }

export SLIPWAY_SERVER=unix:$work/slipway.sock XDG_CACHE_HOME=$work/cache
"$bin/slipwayd" --root "$work/state" --listen "$SLIPWAY_SERVER" --registry "$registry" --allow-local-git \
  --allow-host-network --allow-insecure-security \
  >"$work/slipwayd.log" 2>&1 &
pids+=($!)
for _ in $(seq 300); do "$bin/slipway" version >/dev/null 2>&1 && break; sleep 0.1; done

status=0
one() { # CASES MUST_PASS PASSED [options]
  local cases=$1 must=$2 passed=$3
  shift 3
  "$here/run-cases" --cases "$cases" --registry "$registry" --must-pass "$must" --passed "$passed" --logs "$work/logs" -j2 \
    "${result[@]}" \
    --parser "$bin/slipway-dockerfile-dump ast {dockerfile}" --words "$bin/slipway-dockerfile-dump" "$@" || status=1
}
one "$here/cases" "$here/passing.txt" "$work/passed" "$@"
if [ -d "$more/cases" ]; then
  others=()
  for group in buildah bud kaniko parser shell; do others+=(--only "$group/*"); done
  [ $# -gt 0 ] || one "$more/cases" "$here/passing-others.txt" "$work/passed-others" "${others[@]}"
fi
if [ -n "$accept" ]; then
  for pair in passing:passed passing-others:passed-others; do
    list=$here/${pair%%:*}.txt new=$work/${pair##*:}
    [ ! -f "$new" ] || sort -u "$list" "$new" -o "$list"
  done
fi
exit $status
