#!/bin/bash
# Quickstart: from nothing to two pushed images, on loopback, without an image from anywhere.
#
# Installs the packages that are missing, builds Slipway, starts a registry and the daemon in a temporary folder, builds
#   app:v1      from a local folder, FROM scratch with Debian's static busybox
#   greeter:v1  from a git repository made here and cloned by the daemon, FROM app:v1
# and shows digests, layers and the list of runs. Ends what it started and removes what it made; safe to repeat.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")

say() { printf '\n== %s\n' "$*"; }

say "Packages"
"$top/cmake/install-packages.sh" quickstart
echo "all there"

# Built here unless SLIPWAY_BIN names a folder that has the programs already. The build folder is that of the tests, which
# then have little left to compile.
bin=${SLIPWAY_BIN:-$top/build/release/bin}
build() {
  cd "$top"
  [ -f build/release/build.ninja ] || cmake --preset release -DSLIPWAY_TESTS=OFF
  cmake --build --preset release --target slipway slipwayd
}
if [ -z "${SLIPWAY_BIN:-}" ]; then
  say "Build"
  log=$(mktemp)
  if ! (build) >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "quickstart: the build failed; its log is in $log" >&2
    exit 1
  fi
  rm -f "$log"
fi
"$bin/slipway" --version

work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-quickstart.XXXXXX")
pids=()
finish() {
  local status=$?
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if [ $status -ne 0 ]; then
    echo "quickstart: failed. The end of the daemon's log:" >&2
    tail -n 20 "$work/slipwayd.log" >&2 2>/dev/null || true
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
    [ $SECONDS -lt $end ] || { echo "quickstart: gave up waiting for: $*" >&2; return 1; }
    sleep 0.1
  done
}

say "A registry (Debian's docker-registry) and the daemon, on loopback"
registry=127.0.0.1:$(free_port)
cat >"$work/registry.yml" <<Y
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "$registry"}
Y
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
pids+=($!)
wait_until 20 curl -fsS "http://$registry/v2/"

export SLIPWAY_SERVER=unix:$work/slipway.sock
"$bin/slipwayd" --root "$work/state" --listen "$SLIPWAY_SERVER" --registry "$registry" --allow-local-git \
  >"$work/slipwayd.log" 2>&1 &
pids+=($!)
wait_until 60 "$bin/slipway" version
echo "registry at $registry, daemon at $SLIPWAY_SERVER"

say "app:v1, from a local folder"
cp -r "$here/hello" "$work/hello"
cp /bin/busybox "$work/hello/busybox"
"$bin/slipway" build -t app:v1 "$work/hello"

say "The same again: nothing is run, sent or pushed"
"$bin/slipway" build -t app:v1 "$work/hello"

say "greeter:v1, from a git repository"
cp -r "$here/greeter" "$work/greeter"
git -C "$work/greeter" init -q -b main
git -C "$work/greeter" -c user.name=quickstart -c user.email=quickstart@localhost add .
git -C "$work/greeter" -c user.name=quickstart -c user.email=quickstart@localhost commit -q -m "a greeter"
"$bin/slipway" build -t greeter:v1 --build-arg "BASE=$registry/app:v1" "file://$work/greeter/.git#main"

say "What the registry has"
for image in app:v1 greeter:v1; do
  name=${image%%:*} tag=${image##*:}
  accept='Accept: application/vnd.oci.image.manifest.v1+json'
  digest=$(curl -fsSI -H "$accept" "http://$registry/v2/$name/manifests/$tag" | tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p')
  echo "$image  $digest"
  curl -fsS -H "$accept" "http://$registry/v2/$name/manifests/$tag" |
    jq -r '.layers[] | "    layer \(.digest[7:19])  \(.size) bytes"'
done

say "Runs"
"$bin/slipway" runs

say "Done"
echo "Two images were built without a Docker daemon and pushed to $registry: app:v1 from a folder, greeter:v1 on"
echo "top of it from a git repository, with a RUN step in a container. The registry and the daemon are stopped now and"
echo "their folders removed; the programs stay in $bin."
