#!/bin/bash
# Freeing the disk: what nobody needs goes, what a run under way needs stays.
#   prune.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

mkdir -p "$work/base" "$work/app"
cp /bin/busybox "$work/base/busybox"
printf 'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/dd\nCOPY busybox /bin/sleep\nCOPY busybox /bin/cat\n' >"$work/base/Dockerfile"
check "a base is built" build -t base:v1 "$work/base"

# 20 MB in a step's folder that no image has, 10 MB in a cache mount, a file of the context.
echo content >"$work/app/file"
cat >"$work/app/Dockerfile" <<D
FROM $registry/base:v1 AS build
RUN --mount=type=cache,target=/cache dd if=/dev/urandom of=/cache/kept bs=1000000 count=10 && dd if=/dev/urandom of=/made bs=1000000 count=20
RUN echo done > /result
FROM $registry/base:v1
COPY --from=build /result /
COPY file /
D
check "a build" build -t app:v1 "$work/app"

held() { "$bin/slipway" info | sed -nE 's/^storage: +([0-9.]+ [kMGT]?B) of .*/\1/p'; }
held_mb() { held | awk '$2 == "MB" {printf "%d\n", $1} $2 == "GB" {printf "%d\n", $1 * 1000} $2 ~ /^(kB|B)$/ {print 0}'; }
check "what a step made and a cache mount holds is counted" [ "$(held_mb)" -ge 30 ]

unsaid() { ! says "$1"; }
prune() { "$bin/slipway" prune "$@" >"$work/out" 2>&1; }
check "within what may stay nothing goes" prune --keep-storage 10GB
check "and that is told" says '^Freed 0 B, '
check "the build is still known" build -t app:v2 "$work/app"
check "all of it" says 'CACHED'

check "everything goes" prune
check "what was freed is told" says '^Freed [3-9][0-9]\.[0-9] MB, '
check "no layer is left unpacked" [ -z "$(find "$work/state/builder/layers/unpacked" "$work/state/builder/layers/uppers" -mindepth 1)" ]
check "no cache mount" [ -z "$(ls -A "$work/state/builder/cache-mounts")" ]
check "nothing to speak of is held" [ "$(held_mb)" -lt 5 ]
check "the same builds again" build -t app:v3 "$work/app"
check "from its first step" unsaid CACHED
check "with the same result" [ "$(layers_of app:v1 | tail -n 1)" = "$(layers_of app:v3 | tail -n 1)" ]

# A run that is in the middle of a step, with one behind it that takes what was made before.
mkdir "$work/slow"
cat >"$work/slow/Dockerfile" <<D
FROM $registry/base:v1 AS build
RUN echo first > /first
RUN --mount=type=cache,target=/cache echo used > /cache/used && while [ ! -e /cache/go-on ]; do sleep 0.1; done
FROM $registry/base:v1
COPY --from=build /first /
D
timeout 300 "$bin/slipway" build --progress plain -t slow:v1 "$work/slow" --target build >"$work/slow.out" 2>&1 &
slow=$!
for _ in $(seq 300); do compgen -G "$work/state/builder/cache-mounts/*/used" >/dev/null && break; sleep 0.1; done
check "pruning beside a run" prune
mount=$(compgen -G "$work/state/builder/cache-mounts/*/used")
check "leaves it its cache mount" [ -n "$mount" ]
touch "$(dirname "$mount")/go-on"
check "and the run ends well" wait "$slow"

done_with_checks
