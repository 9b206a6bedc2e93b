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

example=quickstart
# Built here unless SLIPWAY_BIN names a folder that has the programs already. The build folder is that of the tests, which
# then have little left to compile.
bin=${SLIPWAY_BIN:-$top/build/release/bin}
# shellcheck source=examples/lib.sh
. "$here/lib.sh"

say "Packages"
"$top/cmake/install-packages.sh" quickstart
echo "all there"

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

say "A registry (Debian's docker-registry) and the daemon, on loopback"
start_registry
start_daemon --root "$work/state" --listen "unix:$work/slipway.sock" --registry "$registry" --allow-local-git
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
