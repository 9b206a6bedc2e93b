#!/bin/bash
# Cuts the power of a disk: the daemon's root lies on a file system of its own, which is shut down without its journal
# (what had not been synced is gone) while a build is under way; then the daemon is started again on what is left. What a
# client was told must be there: an accepted run goes on and succeeds. Whatever is left must be whole: the same build
# gives the image that it should. Rounds cut at random moments. Needs root.
#   power.sh BIN_DIR [ROUNDS [ext4|xfs]]
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/e2e/lib.sh"
rounds=${2:-12}
kind=${3:-ext4}

mkdir "$work/state"
truncate -s 3G "$work/disk"
"mkfs.$kind" -q "$work/disk"
mount -o loop "$work/disk" "$work/state"
at_end() {
  [ -z "$daemon_pid" ] || kill -9 "$daemon_pid" 2>/dev/null || true
  unmounted || umount -l -R "$work/state"
}
unmounted() { # containers of a killed daemon end by themselves
  for _ in $(seq 300); do
    umount -R "$work/state" 2>/dev/null || mountpoint -q "$work/state" || return 0
    sleep 0.1
  done
  return 1
}
cut_power() {
  xfs_io -x -c shutdown "$work/state" # of any file system that can
  kill -9 "$daemon_pid"
  wait "$daemon_pid" 2>/dev/null || true
  daemon_pid=
  unmounted || { echo "the disk is busy"; exit 1; }
  mount -o loop "$work/disk" "$work/state"
  start_daemon
}

start_registry
start_daemon
mkdir -p "$work/base"
cp /bin/busybox "$work/base/busybox"
printf 'FROM scratch\nCOPY busybox /bin/sh\n' >"$work/base/Dockerfile"
build -t base:v1 "$work/base" || { cat "$work/out"; exit 1; }

# Large files, which are blobs, small ones, which share a pack, and steps that leave folders with many files.
context() { # NAME
  local dir=$work/$1
  mkdir -p "$dir/small"
  head -c 10000000 /dev/urandom >"$dir/large"
  for i in $(seq 300); do echo "$1 $i" >"$dir/small/$i"; done
  cat >"$dir/Dockerfile" <<D
FROM $registry/base:v1
COPY large /large
RUN mkdir /made && for i in \$(seq 300); do echo "$1 \$i" > /made/\$i; done
COPY small /small
RUN cat /small/* | wc -l > /lines
D
}
states() { "$bin/slipway" runs -o json | jq -r 'if type == "array" then . else .runs end | .[].status'; }
all_final() {
  for _ in $(seq 600); do
    states | grep -qE 'Queued|Started|Running' || return 0
    sleep 0.1
  done
  return 1
}
none_lost() {
  local id
  for id in $("$bin/slipway" runs -o json | jq -r 'if type == "array" then . else .runs end | .[] | select(.status | test("Succeeded|Canceled") | not) | .runId'); do
    if grep -q " with ID: $id\$" "$work/told"; then return 1; fi
  done
}
run_state() { "$bin/slipway" show "$1" -o json | jq -r .status; }
is_right() { # NAME: the image in the registry holds what it should
  local at=$work/image ok=0
  mkdir "$at"
  skopeo copy -q --src-tls-verify=false "docker://$registry/$1:v1" "oci:$at/oci:v1" &&
    umoci unpack --image "$at/oci:v1" "$at/bundle" >/dev/null 2>&1 &&
    cmp "$work/$1/large" "$at/bundle/rootfs/large" && diff -r "$work/$1/small" "$at/bundle/rootfs/small" &&
    diff -r "$work/$1/small" "$at/bundle/rootfs/made" && [ "$(cat "$at/bundle/rootfs/lines")" = 300 ] && ok=1
  rm -rf "$at"
  [ $ok -eq 1 ]
}

for round in $(seq 4); do
  name=told$round
  context "$name"
  "$bin/slipway" build --no-wait -o json -t "$name:v1" "$work/$name" >"$work/run.json" 2>"$work/out" || { cat "$work/out"; exit 1; }
  id=$(jq -r .runId "$work/run.json")
  cut_power
  check "$name: all runs end" all_final
  check "$name: a run that was accepted succeeds" [ "$(run_state "$id")" = Succeeded ]
  check "$name: its image is right" is_right "$name"
done
for round in $(seq "$rounds"); do
  name=round$round
  context "$name"
  build -t "$name:v1" "$work/$name" &
  client=$!
  moment=$((RANDOM % 700))
  sleep "0.$(printf %03d $moment)"
  cut_power
  wait $client 2>/dev/null || true
  cp "$work/out" "$work/told"
  check "$name, cut after $moment ms: all runs end" all_final
  check "$name: the same build succeeds" build -t "$name:v1" "$work/$name"
  check "$name: its image is right" is_right "$name"
  check "$name: none was lost that the client was told of" none_lost
  rm -r "${work:?}/$name"
done
done_with_checks
