#!/bin/bash
# Caches in a registry between two daemons with roots of their own, and why steps were not cached.
#   cache.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

# A daemon that has never built anything.
fresh_daemon() {
  kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
  rm -rf "$work/state"
  start_daemon
}
run_of_out() { grep -oE 'Run ID: [a-z0-9]+' "$work/out" | tail -n 1 | cut -d' ' -f3; }
why() { "$bin/slipway" show "$(run_of_out)" --cache >"$work/why"; }
tells() { # PATTERN: a row of the explanation
  grep -qE -- "$1" "$work/why" || { sed 's/^/      | /' "$work/why"; return 1; }
}
ran() { [ "$("$bin/slipway" show "$(run_of_out)" --cache -o json | jq '[.[] | select(.cache == "miss")] | length')" -eq "$1" ]; }

# A base with a shell, in a registry as bases are.
mkdir -p "$work/base"
cp /bin/busybox "$work/base/busybox"
printf 'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/cat\nRUN echo base\n' >"$work/base/Dockerfile"
check "a base is built" build -t base:v1 "$work/base"

app=$work/app
mkdir -p "$app/src"
echo 'int main;' >"$app/src/main.c"
echo notes >"$app/NOTES"
cat >"$app/Dockerfile" <<D
FROM $registry/base:v1 AS build
ARG VERSION=1
COPY src /src
RUN cat /src/main.c > /made && echo \$VERSION >> /made
RUN echo tested > /tested

FROM $registry/base:v1
RUN echo runtime > /runtime
COPY --from=build /made /made
RUN cat /made > /again
D

for mode in max min; do
  fresh_daemon
  check "a build exports its cache, mode=$mode" \
    build -t app:v1 --cache-to "type=registry,ref=$registry/cache:$mode,mode=$mode" "$app"
  layers_of app:v1 >"$work/layers.$mode"
  mark
  check "the same again" build -t app:v1 --cache-to "type=registry,ref=$registry/cache:$mode,mode=$mode" "$app"
  check "sends no blob and no manifest" [ "$(requests 'POST|PATCH|PUT' /cache/)" -eq 0 ]
  fresh_daemon
  mark
  check "a fresh daemon builds with it, mode=$mode" \
    build --no-push -t app:v2 --cache-from "type=registry,ref=$registry/cache:$mode" "$app"
  check "and makes nothing" ran 0
  check "and starts no container" [ -z "$(ls -A "$work/state/builder/layers/unpacked")" ]
  check "and fetches no layer" [ "$(requests GET /cache/blobs/)" -le 1 ]
  why
  check "it says where the results are from" tells "COPY --from=build .* imported +imported from $registry/cache:$mode"
  fresh_daemon
  echo "more notes, mode $mode" >>"$app/NOTES"
  check "so it does with a changed file that no step uses, mode=$mode" \
    build --no-push -t app:v2 --cache-from "$registry/cache:$mode" "$app"
  check "and makes nothing again" ran 0
done
check "max has more layers than min" [ "$(skopeo inspect --raw --tls-verify=false "docker://$registry/cache:max" | jq '.layers | length')" -gt \
  "$(skopeo inspect --raw --tls-verify=false "docker://$registry/cache:min" | jq '.layers | length')" ]
check "a cache is an OCI image manifest" [ "$(skopeo inspect --raw --tls-verify=false "docker://$registry/cache:max" | jq -r .mediaType)" = \
  application/vnd.oci.image.manifest.v1+json ]

# A change in the build stage: with mode=max only what stands on it is made.
fresh_daemon
sed -i 's/echo tested/echo really tested/' "$app/Dockerfile"
check "a changed RUN that nothing copies from, mode=max" \
  build --no-push -t app:v3 --cache-from "$registry/cache:max" --target build "$app"
check "makes that step only" ran 1
sed -i 's/echo really tested/echo tested/' "$app/Dockerfile"

# What was imported can be pushed: its layers come from the cache's repository.
fresh_daemon
check "an imported image is pushed" build -t app:pushed --cache-from "$registry/cache:max" "$app"
check "with the layers of the first" cmp -s "$work/layers.max" <(layers_of app:pushed)
check "and runs as a base" fails_with "int main" -t x - <<<"FROM $registry/app:pushed
RUN cat /again; exit 1"

# Inline.
fresh_daemon
check "an image with an inline cache" build -t app:inline --cache-to type=inline "$app"
inline=$(digest_of app:inline)
check "is the same image the next time" build -t app:inline2 --cache-to type=inline "$app"
check "to the byte" [ "$(digest_of app:inline2)" = "$inline" ]
fresh_daemon
check "a fresh daemon uses it" build --no-push -t app:v4 --cache-from "$registry/app:inline" "$app"
check "and makes nothing with it" ran 0

# A cache that is not there, or no cache, is a warning.
check "a cache that is missing does not fail a build" build --no-push -t app:v5 --cache-from "$registry/nothing:v1" "$app"
check "but is said" says "cache '$registry/nothing:v1' is not used"
check "an image without a cache is said" build --no-push -t app:v5 --cache-from "$registry/base:v1" "$app"
check "with the reason" says "without an inline cache"
check "an unknown option is refused with a near miss" fails_with "did you mean 'mode'" -t x --cache-to "type=registry,ref=$registry/c,moed=max" "$app"
check "an export that cannot be is a failure" fails_with "export the cache to '127.0.0.1:1/c" -t x --no-push --cache-to type=registry,ref=127.0.0.1:1/c:v1 "$app"
check "or a warning where that is asked for" build -t x --no-push --cache-to type=registry,ref=127.0.0.1:1/c:v1,ignore-error=true "$app"

# Why was it not cached?
fresh_daemon
check "a first build" build -t why:v1 "$app"
why
check "was never built here" tells "COPY src /src .*miss +never built here"
check "the same again is known" build -t why:v2 "$app"
why
check "every step of it" ran 0
check "and says so" tells "COPY src /src .*hit +known here"
echo 'int changed;' >"$app/src/main.c"
build -t why:v3 "$app"; why
check "a changed file is named" tells "COPY src /src .*miss +the file /src/main.c changed \(content\)"
check "and the step that stands on it says so" tells "RUN cat /src/main.c .*miss +.*COPY src /src gave another result"
echo x >"$app/src/new.c"
build -t why:v4 "$app"; why
check "an added file is named" tells "COPY src /src .*miss +the file /src/new.c was added"
rm "$app/src/new.c"; echo 'int other;' >"$app/src/main.c"; build -t why:v5 "$app"
chmod 755 "$app/src/main.c"
build -t why:v5 "$app"; why
check "a changed mode is named" tells "the file /src/main.c changed \(mode\): '0644' became '0755'"
build -t why:v6 --build-arg VERSION=2 "$app"; why
check "a changed argument is named" tells "RUN cat /src/main.c .*miss +the argument VERSION changed: '1' became '2'"
check "as JSON too" [ "$("$bin/slipway" show "$(run_of_out)" --cache -o json |
  jq -r '.[] | select(.cause == "argument") | .subject + " " + .before + " " + .after')" = "VERSION 1 2" ]
build -t why:v7 --secret-build-arg VERSION=hidden-one "$app"
build -t why:v7 --secret-build-arg VERSION=hidden-two "$app"; why
check "a changed secret is said to have changed" tells "a secret value changed \(VERSION\)"
check "and is kept nowhere" [ -z "$(grep -rla hidden- "$work/why" "$work/state/logs" "$work/state/builder"/cache.db* || true)" ]
echo other >"$work/base/other"
echo 'COPY other /other' >>"$work/base/Dockerfile"
build -t base:v1 "$work/base"
build -t why:v7 "$app"; why
check "a changed base is named" tells "COPY src /src .*miss +the base $registry/base:v1 changed: 'sha256:"
build -t why:v8 --no-cache "$app"; why
check "--no-cache is a reason" tells "miss +asked for with --no-cache"
sed -i 's/echo runtime/echo run time/' "$app/Dockerfile"
build -t why:v9 "$app"; why
check "a changed command is shown" tells "RUN echo run time .*miss +the instruction changed: 'echo runtime > /runtime' became"
check "an unknown run is said" bash -c "! '$bin/slipway' show zz9zz --cache 2>'$work/err' && grep -q zz9zz '$work/err'"
done_with_checks
