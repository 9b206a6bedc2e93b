#!/bin/bash
# Images for several platforms, RUN under emulation, and attestations, judged by skopeo, jq and umoci.
#   platforms.sh BIN_DIR
#
# Emulation needs qemu-user-static and the right to register it with the kernel. That is done in a mount namespace of
# the script's own: the handler vanishes with it. Where the kernel or its container does not allow that, those checks are
# skipped with the reason.
set -euo pipefail
if [ -z "${SLIPWAY_E2E_NAMESPACE:-}" ]; then
  export SLIPWAY_E2E_NAMESPACE=1
  exec unshare --mount --propagation private "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
binfmt=/proc/sys/fs/binfmt_misc

raw() { skopeo inspect --raw --tls-verify=false "docker://$registry/$1"; }
blob() { curl -fsS "http://$registry/v2/$1/blobs/$2"; }
is() { # WHAT EXPECTED ACTUAL
  check "$1" [ "$3" = "$2" ] || true
  [ "$3" = "$2" ] || echo "      expected '$2', got '$3'"
}
# The statement of a predicate type about one platform's image.
statement() { # REPOSITORY TAG PREDICATE-TYPE [ARCH]
  local index manifest attestation digest
  index=$(raw "$1:$2")
  manifest=$(jq -r --arg a "${4:-amd64}" '.manifests[] | select(.platform.architecture == $a).digest' <<<"$index")
  attestation=$(jq -r --arg d "$manifest" \
    '.manifests[] | select(.annotations["vnd.docker.reference.digest"] == $d).digest' <<<"$index")
  digest=$(raw "$1@$attestation" |
    jq -r --arg t "$3" '.layers[] | select(.annotations["in-toto.io/predicate-type"] == $t).digest')
  blob "$1" "$digest"
}

start_registry
start_daemon

# --- several platforms, without running anything

copy=$work/copy
mkdir -p "$copy"
echo data >"$copy/data"
cat >"$copy/Dockerfile" <<'D'
FROM --platform=$BUILDPLATFORM scratch AS tool
COPY data /data
FROM scratch
ARG TARGETARCH
ARG TARGETVARIANT
COPY --from=tool /data /data-$TARGETARCH$TARGETVARIANT
LABEL arch=$TARGETARCH
D
check "an image for four platforms" \
  build -t copy:v1 --platform linux/s390x,linux/arm64/v8,linux/arm --platform linux/x86_64 "$copy"
raw copy:v1 >"$work/index"
is "an OCI index" application/vnd.oci.image.index.v1+json "$(jq -r .mediaType "$work/index")"
is "platforms in the order asked for, normalised" \
  "linux/s390x linux/arm64 linux/arm/v7 linux/amd64" \
  "$(jq -r '[.manifests[].platform | [.os, .architecture, .variant // empty] | join("/")] | join(" ")' "$work/index")"
is "entries are OCI manifests" application/vnd.oci.image.manifest.v1+json \
  "$(jq -r '[.manifests[].mediaType] | unique[]' "$work/index")"
is "each with its own config" arm64 \
  "$(skopeo inspect --tls-verify=false --override-arch arm64 --config "docker://$registry/copy:v1" | jq -r .config.Labels.arch)"
mark
check "the same again" build -t copy:v1 --platform linux/s390x,linux/arm64/v8,linux/arm,linux/amd64 "$copy"
is "puts no manifest" 0 "$(requests PUT /manifests/)"
check "with Docker's media types" build -t copy:docker --media-types docker --platform linux/amd64,linux/arm64 "$copy"
is "a Docker manifest list" application/vnd.docker.distribution.manifest.list.v2+json \
  "$(raw copy:docker | jq -r .mediaType)"
is "of Docker manifests" application/vnd.docker.distribution.manifest.v2+json \
  "$(raw copy:docker | jq -r '[.manifests[].mediaType] | unique[]')"

check "an index for one platform, if it must be" build -t copy:one --build-arg BUILDKIT_MULTI_PLATFORM=1 "$copy"
is "has one image" 1 "$(raw copy:one | jq '.manifests | length')"
check "a contradiction is told" fails_with "BUILDKIT_MULTI_PLATFORM=false contradicts the 2 platforms" \
  -t copy:no --build-arg BUILDKIT_MULTI_PLATFORM=false --platform linux/amd64,linux/arm64 "$copy"

mkdir -p "$work/base"
# shellcheck disable=SC2016
printf 'FROM %s/copy:v1\nCOPY --from=%s/copy:v1 / /again\n' "$registry" "$registry" >"$work/base/Dockerfile"
check "a base for one of its platforms" build -t base:v1 --platform linux/arm64 "$work/base"
is "is that platform's" arm64 \
  "$(skopeo inspect --tls-verify=false --override-arch arm64 --config "docker://$registry/base:v1" | jq -r .architecture)"
check "a platform that the base lacks: those that it has are named" \
  fails_with "Dockerfile:1:6: .*linux/riscv64.*linux/s390x.*linux/arm64.*linux/arm/v7.*linux/amd64" \
  -t base:v2 --platform linux/riscv64 "$work/base"

# --- no emulator: what to do is said

foreign=$work/foreign
mkdir -p "$foreign"
# The beginning of a program for s390x.
{ printf '\177ELF\2\2\1\0\0\0\0\0\0\0\0\0\0\2\0\26\0\0\0\1'; head -c 100 /dev/zero; } >"$foreign/sh"
chmod 755 "$foreign/sh"
printf 'FROM scratch\nCOPY sh /bin/sh\nRUN true\n' >"$foreign/Dockerfile"
s390x_handled() { grep -qs '^interpreter.*s390x' $binfmt/* 2>/dev/null; }
if s390x_handled; then
  echo "skip  no emulator: this machine has one for s390x"
else
  check "RUN for a platform without emulator: package and registration are named" \
    fails_with "programs of linux/s390x cannot run.*apt-get install qemu-user-static.*qemu-s390x.conf" \
    -t foreign --platform linux/s390x "$foreign"
fi

cp /bin/busybox "$foreign/busybox"
printf 'FROM scratch\nCOPY busybox /bin/sh\nRUN echo x > /x\n' >"$foreign/Dockerfile.own"
check "a program of this machine runs, whatever platform its image claims" \
  build -f "$foreign/Dockerfile.own" -t own:v1 --platform linux/s390x "$foreign"

# --- attestations

check "provenance and bill of materials" build -t app:v1 --provenance=mode=max --sbom --build-arg V=1 \
  --secret-build-arg TOKEN=hidden "$copy"
run=$(sed -n 's/.*Queued a build with ID: \([a-z0-9]*\).*/\1/p' "$work/out" | head -n 1)
raw app:v1 >"$work/index"
is "an index with the image and its attestation" "amd64 unknown" \
  "$(jq -r '[.manifests[].platform.architecture] | join(" ")' "$work/index")"
is "which refers to the image" "$(jq -r '.manifests[0].digest' "$work/index")" \
  "$(jq -r '.manifests[1].annotations["vnd.docker.reference.digest"]' "$work/index")"
is "by the annotation's type" attestation-manifest \
  "$(jq -r '.manifests[1].annotations["vnd.docker.reference.type"]' "$work/index")"
raw "app@$(jq -r '.manifests[1].digest' "$work/index")" >"$work/attestation"
is "its layers are in-toto statements" "application/vnd.in-toto+json" \
  "$(jq -r '[.layers[].mediaType] | unique[]' "$work/attestation")"
is "of both kinds" "https://spdx.dev/Document https://slsa.dev/provenance/v1" \
  "$(jq -r '[.layers[].annotations["in-toto.io/predicate-type"]] | join(" ")' "$work/attestation")"
statement app v1 https://slsa.dev/provenance/v1 >"$work/provenance"
is "the provenance is of the image" "$(jq -r '.manifests[0].digest' "$work/index")" \
  "sha256:$(jq -r '.subject[0].digest.sha256' "$work/provenance")"
is "with its arguments" 1 \
  "$(jq -r '.predicate.buildDefinition.externalParameters.request.args["build-arg:V"]' "$work/provenance")"
is "but no secret" 0 "$(grep -c hidden "$work/provenance" || true)"
check "skopeo copies the image out of the index" \
  skopeo copy -q --src-tls-verify=false --override-arch amd64 "docker://$registry/app:v1" "oci:$work/app-oci:v1"
first=$(digest_of app:v1)
mark
check "the same again" build -t app:v1 --provenance=mode=max --sbom --build-arg V=1 --secret-build-arg TOKEN=hidden "$copy"
is "is the same index" "$first" "$(digest_of app:v1)"
is "and nothing is put" 0 "$(requests 'PUT|POST' /)"
check "slipway show --provenance" sh -c "'$bin/slipway' show --provenance '$run' >'$work/shown'"
is "shows the statement" "$(jq -S . "$work/provenance")" "$(jq -S . "$work/shown")"
check "slipway show --sbom" sh -c "'$bin/slipway' show --sbom '$run' | jq -e '.predicate.spdxVersion == \"SPDX-2.3\"' >/dev/null"
check "without them" build -t app:plain --provenance=false --sbom=false "$copy"
is "a manifest alone" application/vnd.oci.image.manifest.v1+json "$(raw app:plain | jq -r .mediaType)"
check "Docker's media types have none" fails_with "sbom: .*OCI" -t app:no --sbom --media-types docker "$copy"

# The packages of a base that is in the registry, read without unpacking it.
mkdir -p "$work/dpkg/var/lib/dpkg" "$work/dpkg/usr/lib"
printf 'ID=debian\nVERSION_ID=12\n' >"$work/dpkg/usr/lib/os-release"
printf 'Package: hello\nStatus: install ok installed\nVersion: 2.10-3\nArchitecture: amd64\n' \
  >"$work/dpkg/var/lib/dpkg/status"
printf 'FROM scratch\nCOPY usr /usr\nCOPY var /var\n' >"$work/dpkg/Dockerfile"
check "a base with packages" build -t dpkg:v1 "$work/dpkg"
kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
rm -rf "$work/state"
start_daemon
printf 'FROM %s/dpkg:v1\nCOPY data /data\n' "$registry" >"$copy/Dockerfile.on"
check "an image on it, by a daemon that never saw it" build -f "$copy/Dockerfile.on" -t on:v1 --sbom --provenance "$copy"
is "lists the base's package" "pkg:deb/debian/hello@2.10-3?arch=amd64&distro=debian-12" \
  "$(statement on v1 https://spdx.dev/Document | jq -r '.predicate.packages[1].externalRefs[0].referenceLocator')"
is "and names the base with its digest" "$(digest_of dpkg:v1)" \
  "sha256:$(statement on v1 https://slsa.dev/provenance/v1 |
    jq -r '.predicate.buildDefinition.resolvedDependencies[] | select(.uri | startswith("pkg:docker/")).digest.sha256')"
is "nothing was unpacked" "" "$(ls -A "$work/state/builder/layers/unpacked")"

# --- RUN under emulation

arm64_handled() { # whether the kernel runs programs of arm64
  grep -qs '^interpreter.*aarch64' $binfmt/* 2>/dev/null
}
emulation() { # registers the handler, or says why it cannot
  [ -e /usr/lib/binfmt.d/qemu-aarch64.conf ] || { echo "qemu-user-static is not installed"; return 1; }
  if [ ! -e $binfmt/status ]; then
    mount -t binfmt_misc binfmt_misc $binfmt 2>"$work/why" || { echo "mount binfmt_misc: $(cat "$work/why")"; return 1; }
  fi
  arm64_handled && return
  # Under a name of our own, so that no other is in the way.
  sed "s/^:qemu-aarch64:/:slipway-test-$$:/" /usr/lib/binfmt.d/qemu-aarch64.conf >"$work/register"
  cat "$work/register" 2>/dev/null >$binfmt/register || { echo "this machine does not let us register a handler"; return 1; }
  arm64_handled || { echo "the handler that was registered is not there"; return 1; }
}
if ! reason=$(emulation); then
  echo "skip  RUN under emulation: $reason"
  done_with_checks
  exit
fi
check "slipway info names what is emulated" sh -c "'$bin/slipway' info | grep -q 'emulated platforms:.*linux/arm64'"

"$here/arm64-base.sh" "$work/arm64" >"$work/arm64.log" 2>&1 || { tail "$work/arm64.log"; exit 1; }
skopeo copy -q --dest-tls-verify=false "oci:$work/arm64:debian" "docker://$registry/debian-arm64:v1"
arm=$work/arm
mkdir -p "$arm"
cp /bin/busybox "$arm/busybox"
# One name for two platforms: Debian for arm64, busybox for amd64.
cat >"$arm/Dockerfile.base" <<D
FROM $registry/debian-arm64:v1 AS arm64
FROM scratch AS amd64
COPY busybox /bin/busybox
COPY busybox /bin/sh
COPY busybox /bin/uname
FROM \$TARGETARCH
D
check "a base for both" build -f "$arm/Dockerfile.base" -t both:v1 --platform linux/amd64,linux/arm64 "$arm"
cat >"$arm/Dockerfile" <<D
FROM --platform=\$BUILDPLATFORM $registry/both:v1 AS native
RUN uname -m > /built-on
FROM $registry/both:v1
RUN uname -m > /machine
COPY --from=native /built-on /built-on
D
check "RUN on both platforms" build -t arm:v1 --platform linux/amd64,linux/arm64 --sbom --provenance "$arm"
is "an index of both, each attested" "amd64 arm64 unknown unknown" \
  "$(raw arm:v1 | jq -r '[.manifests[].platform.architecture] | join(" ")')"
is "the bill of materials of each says which it is" "platform linux/arm64" \
  "$(statement arm v1 https://spdx.dev/Document arm64 | jq -r '.predicate.packages[0].comment')"
skopeo copy -q --src-tls-verify=false --override-arch arm64 "docker://$registry/arm:v1" "oci:$work/pulled:v1"
umoci unpack --image "$work/pulled:v1" "$work/bundle" >"$work/umoci.log" 2>&1 || { tail "$work/umoci.log"; exit 1; }
is "RUN saw an arm64 machine" aarch64 "$(cat "$work/bundle/rootfs/machine")"
is "and \$BUILDPLATFORM's the real one" "$(uname -m)" "$(cat "$work/bundle/rootfs/built-on")"
is "the pulled image runs under qemu" "arm64 aarch64" \
  "$(chroot "$work/bundle/rootfs" /bin/sh -c 'echo $(dpkg --print-architecture) $(cat /machine)')"
mark
check "the same again" build -t arm:v1 --platform linux/amd64,linux/arm64 --sbom --provenance "$arm"
is "puts nothing" 0 "$(requests 'PUT|POST' /)"

done_with_checks
