#!/bin/bash
# Deploys what is pushed: a receiver (deploy/receiver.py) is told of each pushed image by a signed notification, and starts
# it in place of the one before.
#
# Starts a registry, the daemon and the receiver on loopback, builds and pushes app:v1 and then app:v2, and asks the app
# who it is after each. Needs the built programs (quickstart.sh builds them), skopeo, umoci and runc. Ends what it started
# and removes what it made; safe to repeat.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=${SLIPWAY_BIN:-$(dirname "$here")/build/release/bin}
for program in skopeo umoci runc docker-registry curl openssl python3; do
  command -v "$program" >/dev/null || { echo "deploy-on-push: needs '$program'" >&2; exit 1; }
done

example=deploy-on-push
# shellcheck source=examples/lib.sh
. "$here/lib.sh"

say "A registry, a receiver and the daemon, on loopback"
start_registry

(umask 077 && openssl rand -hex 32 >"$work/secret")
receiver=$(free_port)
python3 "$here/deploy/receiver.py" "$receiver" "$work/secret" "$work" >"$work/receiver.log" 2>&1 &
pids+=($!)

cat >"$work/slipwayd.yaml" <<Y
root: $work/state
listen: unix:$work/slipway.sock
registry: $registry
notify:
  - url: http://127.0.0.1:$receiver/
    events: image.pushed
    secret_file: $work/secret
Y
start_daemon --config "$work/slipwayd.yaml"

port=$(free_port)
mkdir "$work/app"
cp "$here/deploy/Dockerfile" /bin/busybox "$work/app/"
is() { curl -fsS "http://127.0.0.1:$port/" | grep -qx "This is $1"; }
for version in v1 v2; do
  say "app:$version is pushed"
  "$bin/slipway" build -q -t "app:$version" --build-arg "VERSION=$version" --build-arg "PORT=$port" "$work/app"
  wait_until 60 is "$version"
  curl -fsS "http://127.0.0.1:$port/"
done

say "Somebody who does not know the secret is refused"
curl -sS -w '%{http_code}\n' -d '{"type": "org.slipway.image.pushed"}' "http://127.0.0.1:$receiver/"

say "What was told"
"$bin/slipway" notifications list
