#!/bin/bash
# A program with packages from Debian, in three stages on a debootstrap base; the pushed image is unpacked by umoci and
# run by runc.
#   debian.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
start_registry
# The same base that the conformance cases stand on; made once, since debootstrap takes a minute.
cache=${SLIPWAY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-tests}
mkdir -p "$cache"
(
  flock 9
  CONF_WORK=$cache/conf-bases "$here/../conformance/bases.sh" "$registry"
) >"$work/bases.log" 2>&1 9>"$cache/lock" || { tail "$work/bases.log"; exit 1; }
start_daemon

mkdir -p "$work/app"
cat >"$work/app/words.txt" <<'T'
slip
way
T
cat >"$work/app/Dockerfile" <<D
FROM $registry/conf/debian:latest AS tools
RUN apt-get update && apt-get install -y --no-install-recommends bc

FROM tools AS build
WORKDIR /src
COPY words.txt .
RUN tr -d '\n' <words.txt >words && echo '6*7' | bc >answer

FROM $registry/conf/debian:latest
RUN apt-get update && apt-get install -y --no-install-recommends hello && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/words /src/answer /
CMD ["/bin/sh", "-c", "cat /words /answer && hello -g done"]
D
check "three stages with packages build" build -t app:v1 "$work/app" || sed 's/^/      | /' "$work/out" | tail -n 12

skopeo copy -q --src-tls-verify=false "docker://$registry/app:v1" "oci:$work/layout:v1"
umoci unpack --image "$work/layout:v1" "$work/bundle" 2>"$work/umoci.log"
# No terminal, and no cgroup of its own: the bundle is umoci's otherwise.
jq '.process.terminal = false | .linux.namespaces |= map(select(.type != "network" and .type != "cgroup"))
    | del(.linux.resources)' "$work/bundle/config.json" >"$work/config" && cp "$work/config" "$work/bundle/config.json"
said=$(runc --root "$work/runc" run -b "$work/bundle" "e2e-$$" </dev/null 2>"$work/runc.err") ||
  { cat "$work/runc.err"; said=; }
check "the pushed image runs" [ "$said" = "slipway42
done" ]
done_with_checks
