# shellcheck shell=bash
# What the end-to-end scripts share: a registry with an access log, a daemon, and checks. Source it; $1 is the folder of
# the programs. Everything lives in one temporary folder and ends with the script.
set -euo pipefail
bin=$(cd "$1" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-e2e.XXXXXX")
pids=()
daemon_pid=
fails=0
passes=0

at_end() { :; } # what a script has to end besides
finish() {
  local status=$?
  trap - EXIT
  at_end
  [ -z "$daemon_pid" ] || pids+=("$daemon_pid")
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  done
  if [ $status -ne 0 ]; then
    echo "--- the end of the daemon's log"
    tail -n 15 "$work/slipwayd.log" 2>/dev/null || true
  fi
  rm -rf "$work"
  exit $status
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

check() { # WHAT COMMAND...: the command must succeed
  local what=$1
  shift
  if "$@"; then
    echo "ok    $what"
    passes=$((passes + 1))
  else
    echo "FAIL  $what"
    fails=$((fails + 1))
  fi
}

start_registry() { # [further YAML of its configuration]
  registry=127.0.0.1:$(free_port)
  cat >"$work/registry.yml" <<Y
version: 0.1
log: {level: error, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $work/registry}, delete: {enabled: true}}
http: {addr: "$registry"}
${1:-}
Y
  docker-registry serve "$work/registry.yml" >"$work/access.log" 2>"$work/registry.err" &
  pids+=($!)
  for _ in $(seq 200); do curl -fsS "http://$registry/v2/" >/dev/null 2>&1 && return; sleep 0.05; done
  echo "the registry did not start"; exit 1
}

start_daemon() { # [options]
  export SLIPWAY_SERVER=unix:$work/slipway.sock XDG_CACHE_HOME=$work/cache
  "$bin/slipwayd" --root "$work/state" --listen "$SLIPWAY_SERVER" --registry "$registry" --allow-local-git "$@" \
    >>"$work/slipwayd.log" 2>&1 &
  daemon_pid=$!
  for _ in $(seq 600); do "$bin/slipway" version >/dev/null 2>&1 && return; sleep 0.1; done
  echo "the daemon did not start"; exit 1
}

build() { timeout "${build_seconds:-300}" "$bin/slipway" build --progress plain "$@" >"$work/out" 2>&1; }

# Requests since the last `mark`, of a method on paths that match.
mark() { marked=$(wc -l <"$work/access.log"); }
requests() { # METHOD PATTERN
  tail -n "+$((marked + 1))" "$work/access.log" | grep -cE "\"$1 [^\"]*$2" || true
}
says() { grep -qE -- "$1" "$work/out"; }
fails_with() { # PATTERN build arguments: the build must fail and say so
  local pattern=$1
  shift
  if build "$@"; then return 1; fi
  says "$pattern" || { sed 's/^/      | /' "$work/out" | tail -n 8; return 1; }
}
digest_of() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$registry/$1"; }
layers_of() { skopeo inspect --tls-verify=false "docker://$registry/$1" | jq -r '.Layers[]'; }

done_with_checks() {
  echo "$passes passed, $fails failed"
  [ "$fails" -eq 0 ]
}
