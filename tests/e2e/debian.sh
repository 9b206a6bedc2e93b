#!/bin/bash
# A program with packages from Debian, in three stages on a debootstrap base; the pushed image is unpacked by umoci and
# run by runc.
#   debian.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/images.sh
. "$(dirname "$0")/images.sh"
start_registry
push_bases
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

check "the image is pulled and unpacked" unpack app app:v1
start app
check "the pushed image runs" ends app
check "and says what was built into it" [ "$(cat "$work/said-app")" = "slipway42
done" ]
done_with_checks
