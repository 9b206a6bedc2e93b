#!/bin/bash
# Starts and stops the peers that come from the distribution's packages:
#   a registry (docker-registry, plain HTTP on loopback), dockerd (docker.io) and
#   the settings buildah needs; and Slipway's own daemon beside them.  Makes and pushes the base images.
# Nothing here builds or fetches source.  Every process is ended by its own pid.
#
#   peers.sh [loopfs [GIB]] | start | stop | status | bases [--force] | env
#   loopfs: mounts a new journalled ext4 (sparse image $BENCH_DIR.img) on BENCH_DIR; do it first where the
#           root file system has no journal (see "Traps met" in README.md). loopfs-off unmounts and removes it.
#
# Env: SLIPWAY_BIN folder of slipway and slipwayd (default build/release/bin)
#      BENCH_DIR  state, logs, stores (default ${TMPDIR:-/tmp}/peers)
#      REG_PORT   registry port on 127.0.0.1 (default 5005)
#      DEB_MIRROR mirror for debootstrap (default: the first that apt is configured with)
set -euo pipefail
BENCH_DIR=${BENCH_DIR:-${TMPDIR:-/tmp}/peers}
REG_PORT=${REG_PORT:-5005}
REG=127.0.0.1:$REG_PORT
DEB_MIRROR=${DEB_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)}
DOCKER=${DOCKER:-/usr/bin/docker}
CG=/sys/fs/cgroup/cpuacct
if [ "${1:-}" = loopfs ]; then
  mountpoint -q "$BENCH_DIR" && exit 0
  [ -z "$(ls -A "$BENCH_DIR" 2>/dev/null)" ] || { echo "$BENCH_DIR is not empty" >&2; exit 1; }
  mkdir -p "$BENCH_DIR"; truncate -s "${2:-60}G" "$BENCH_DIR.img"
  mkfs.ext4 -q -F -E lazy_itable_init=0,nodiscard "$BENCH_DIR.img"; mount -o loop "$BENCH_DIR.img" "$BENCH_DIR"; exit 0
elif [ "${1:-}" = loopfs-off ]; then umount "$BENCH_DIR" && rm -f "$BENCH_DIR.img"; exit; fi
mkdir -p "$BENCH_DIR"/{run,log,registry,docker,containers,bases}

alive() { [ -f "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# own cgroup per peer so that run.sh can read CPU time (cgroup v1 cpuacct)
in_cg() { # NAME CMD...   (call it with & : it replaces the subshell, so $! is the daemon's own pid)
  local n=$1; shift
  if [ -d $CG ] && [ -w $CG ]; then mkdir -p "$CG/bench/$n"; echo $BASHPID > "$CG/bench/$n/tasks"; fi
  exec "$@"
}

start_registry() {
  alive "$BENCH_DIR/run/registry.pid" && return 0
  cat > "$BENCH_DIR/run/registry.yml" <<Y
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: $BENCH_DIR/registry}
  delete: {enabled: true}
http: {addr: "$REG"}
Y
  in_cg registry nohup docker-registry serve "$BENCH_DIR/run/registry.yml" > "$BENCH_DIR/log/registry.log" 2>&1 < /dev/null &
  echo $! > "$BENCH_DIR/run/registry.pid"
  for _ in $(seq 50); do curl -fsS "http://$REG/v2/" >/dev/null 2>&1 && return 0; sleep 0.1; done
  echo "registry did not start, see $BENCH_DIR/log/registry.log" >&2; return 1
}

start_dockerd() {
  alive "$BENCH_DIR/run/dockerd.pid" && return 0
  # host networking only (no bridge, no firewall rules); classic overlay2 graph driver
  in_cg docker nohup dockerd --data-root "$BENCH_DIR/docker" --exec-root "$BENCH_DIR/run/docker-exec" \
    --pidfile "$BENCH_DIR/run/dockerd.own.pid" -H "unix://$BENCH_DIR/run/docker.sock" \
    --iptables=false --ip6tables=false --bridge=none --storage-driver overlay2 \
    --insecure-registry "$REG" --max-concurrent-uploads 5 > "$BENCH_DIR/log/dockerd.log" 2>&1 < /dev/null &
  echo $! > "$BENCH_DIR/run/dockerd.pid"
  for _ in $(seq 100); do $DOCKER -H "unix://$BENCH_DIR/run/docker.sock" info >/dev/null 2>&1 && return 0; sleep 0.2; done
  echo "dockerd did not start, see $BENCH_DIR/log/dockerd.log" >&2; return 1
}

SLIPWAY_BIN=${SLIPWAY_BIN:-$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)/build/release/bin}

start_slipway() {  # with the host's network, as the others
  alive "$BENCH_DIR/run/slipway.pid" && return 0
  in_cg slipway nohup "$SLIPWAY_BIN/slipwayd" --root "$BENCH_DIR/slipway" --listen "unix:$BENCH_DIR/run/slipway.sock" \
    --network host --allow-host-network --registry "$REG" > "$BENCH_DIR/log/slipway.log" 2>&1 < /dev/null &
  echo $! > "$BENCH_DIR/run/slipway.pid"
  for _ in $(seq 100); do "$SLIPWAY_BIN/slipway" --server "unix:$BENCH_DIR/run/slipway.sock" version >/dev/null 2>&1 && return 0; sleep 0.1; done
  echo "slipwayd did not start, see $BENCH_DIR/log/slipway.log" >&2; return 1
}

conf_buildah() {
  cat > "$BENCH_DIR/containers/storage.conf" <<Y
[storage]
driver = "overlay"
runroot = "$BENCH_DIR/containers/run"
graphroot = "$BENCH_DIR/containers/store"
Y
  cat > "$BENCH_DIR/containers/registries.conf" <<Y
[[registry]]
location = "$REG"
insecure = true
Y
  echo '{"default":[{"type":"insecureAcceptAnything"}]}' > "$BENCH_DIR/containers/policy.json"
}

stop_one() { # NAME
  local f="$BENCH_DIR/run/$1.pid"
  alive "$f" && { p=$(cat "$f"); kill "$p"; for _ in $(seq 100); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done; }
  rm -f "$f"; }

bah() { CONTAINERS_STORAGE_CONF="$BENCH_DIR/containers/storage.conf" CONTAINERS_REGISTRIES_CONF="$BENCH_DIR/containers/registries.conf" \
        buildah --root "$BENCH_DIR/bases/store" --runroot "$BENCH_DIR/bases/run" --storage-driver overlay "$@"; }

push_base() { # ROOTFS_DIR NAME TAG [config args...]
  local dir=$1 name=$2 tag=$3; shift 3
  local c; c=$(bah from scratch)
  bah copy -q "$c" "$dir" / >/dev/null
  bah config "$@" "$c"
  bah commit -q --format docker "$c" "$REG/base/$name:$tag" >/dev/null
  bah push -q --tls-verify=false --format v2s2 "$REG/base/$name:$tag" "docker://$REG/base/$name:$tag"
  bah push -q --tls-verify=false --format oci "$REG/base/$name:$tag" "docker://$REG/base/$name:$tag-oci"
  bah rm "$c" >/dev/null
  bah rmi -f "$REG/base/$name:$tag" >/dev/null
}

bases() {
  local B="$BENCH_DIR/bases" force=${1:-}
  have() { [ "$force" != --force ] && curl -fsS -o /dev/null -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$REG/v2/base/$1/manifests/$2" 2>/dev/null; }
  if ! have busybox 1; then
    rm -rf "$B/busybox"; mkdir -p "$B/busybox"/{bin,tmp,root,etc,proc,sys,dev}
    cp "$(command -v busybox)" "$B/busybox/bin/busybox"; chmod 1777 "$B/busybox/tmp"
    "$B/busybox/bin/busybox" --list | while read -r a; do [ "$a" = busybox ] || ln -s busybox "$B/busybox/bin/$a"; done
    echo 'root:x:0:0:root:/root:/bin/sh' > "$B/busybox/etc/passwd"; echo 'root:x:0:' > "$B/busybox/etc/group"
    push_base "$B/busybox" busybox 1 --env PATH=/bin --cmd /bin/sh
  fi
  if ! have debian 12; then
    [ -d "$B/debian/usr" ] || debootstrap --variant=minbase bookworm "$B/debian" "$DEB_MIRROR" > "$BENCH_DIR/log/debootstrap.log" 2>&1
    rm -rf "$B"/debian/var/cache/apt/archives/*.deb "$B"/debian/var/lib/apt/lists/*
    push_base "$B/debian" debian 12 --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /bin/bash
  fi
  if ! have node 20 && command -v node >/dev/null && [ -d "$(npm root -g)/npm" ]; then
    # debian plus this machine's own node and npm
    rm -rf "$B/node"; cp -a "$B/debian" "$B/node"
    mkdir -p "$B/node/usr/local/bin" "$B/node/usr/local/lib/node_modules"
    cp -L "$(command -v node)" "$B/node/usr/local/bin/node"
    cp -a "$(npm root -g)/npm" "$B/node/usr/local/lib/node_modules/npm"
    ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$B/node/usr/local/bin/npm"
    for l in $(ldd "$(command -v node)" | awk '$3 ~ /^\//{print $3}'); do
      [ -e "$B/node$l" ] || { mkdir -p "$B/node$(dirname "$l")"; cp -L "$l" "$B/node$l"; }; done
    push_base "$B/node" node 20 --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd /usr/local/bin/node
  fi
}

case ${1:-} in
  start) start_registry; conf_buildah; start_slipway; start_dockerd; echo "registry http://$REG, dockerd unix://$BENCH_DIR/run/docker.sock" ;;
  registry) start_registry; conf_buildah ;;
  stop) stop_one slipway; stop_one dockerd; stop_one registry ;;
  wipe-slipway) stop_one slipway; rm -rf "$BENCH_DIR/slipway"; start_slipway ;;
  status) for n in registry slipway dockerd; do alive "$BENCH_DIR/run/$n.pid" && echo "$n up ($(cat "$BENCH_DIR/run/$n.pid"))" || echo "$n down"; done ;;
  bases) start_registry; conf_buildah; bases "${2:-}"; curl -s "http://$REG/v2/_catalog" ;;
  env) echo "BENCH_DIR=$BENCH_DIR REG_PORT=$REG_PORT" ;;
  *) sed -n '2,15p' "$0"; exit 2 ;;
esac
