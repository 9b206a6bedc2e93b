#!/bin/bash
# Kills the daemon with SIGKILL while it pulls, runs, exports and pushes, starts it again, and looks: the run goes again and
# succeeds, and no mount, container or temporary file of the dead daemon is left.
#   crash.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/e2e/lib.sh"
start_registry
start_daemon

# A base of some 60 MB that does not compress, and a context likewise, so that each phase lasts long enough to be hit.
mkdir -p "$work/base"
cp /bin/busybox "$work/base/busybox"
head -c 60000000 /dev/urandom >"$work/base/noise"
printf 'FROM scratch\nCOPY busybox /bin/sh\nCOPY noise /noise\n' >"$work/base/Dockerfile"
build -t base:v1 "$work/base" || { cat "$work/out"; exit 1; }

context() { # NAME LINES...
  mkdir -p "$work/$1"
  head -c 80000000 /dev/urandom >"$work/$1/noise"
  printf '%s\n' "FROM $registry/base:v1" "${@:2}" >"$work/$1/Dockerfile"
}
kill_daemon() {
  kill -9 "$daemon_pid"
  wait "$daemon_pid" 2>/dev/null || true
}
# The daemon keeps one mount of its own, in which its snapshots are private to it.
mounts_left() { grep " $work/state" /proc/self/mountinfo | grep -vc "/snapshots/active " || true; }
temporary_left() { find "$work/state/builder/snapshots/active" "$work/state/builder/layers/tmp" -mindepth 1 -maxdepth 1 | wc -l; }
containers_left() { pgrep -fc 'sleep 4321' || true; }
run_state() { "$bin/slipway" show "$1" -o json | jq -r .status; }

# phase NAME PATTERN: builds NAME, kills the daemon once its log says PATTERN (or at once), and looks.
phase() {
  local name=$1 pattern=$2 id
  "$bin/slipway" build --no-wait -o json -t "$name:v1" "$work/$name" >"$work/$name.json" 2>/dev/null || { echo "cannot queue"; exit 1; }
  id=$(jq -r .runId "$work/$name.json")
  for _ in $(seq 2000); do
    "$bin/slipway" logs "$id" 2>/dev/null | grep -qE "$pattern" && break
    sleep 0.01
  done
  kill_daemon
  start_daemon
  for _ in $(seq 1200); do
    case $(run_state "$id") in Succeeded | Failed | Error | Canceled | Timeout) break ;; esac
    sleep 0.1
  done
  check "$name: the run went again and succeeded" [ "$(run_state "$id")" = Succeeded ]
  check "$name: its log tells of it" grep -qiE 'attempt|again' <("$bin/slipway" logs "$id")
  check "$name: the image is there and whole" \
    skopeo copy -q --src-tls-verify=false "docker://$registry/$name:v1" "dir:$work/copy-$name"
  rm -rf "$work/copy-$name"
  check "$name: no container is left" [ "$(containers_left)" -eq 0 ]
  check "$name: no mount is left" [ "$(mounts_left)" -eq 0 ]
  check "$name: no temporary folder is left" [ "$(temporary_left)" -eq 0 ]
}

# pull: with an empty store, a RUN unpacks the base while it is downloaded
kill "$daemon_pid"
wait "$daemon_pid" 2>/dev/null || true
rm -rf "$work/state"
start_daemon
context pull 'RUN echo 1 > /one'
phase pull 'download|RUN echo 1'
context run 'RUN if [ -e /noise ]; then sleep 3; fi; sleep 0.1 && echo 2 > /two'
phase run 'RUN if'
context export 'COPY noise /more' 'RUN head -c 50000000 /noise > /half'
phase export 'export layer|pushing'
context push 'COPY noise /other'
phase push 'upload|pushing'
done_with_checks
