# shellcheck shell=bash disable=SC2154  # $work, $registry, $bin are those of lib.sh
# Images beside the daemon: bases from Debian in the registry, and containers of what was pushed, with no part of Slipway
# in them: skopeo pulls, umoci unpacks, runc runs. Source it after lib.sh, which calls at_end.
containers=()

# The bases of the conformance cases (conf/debian, conf/busybox …) in the registry. They are made once and kept, since
# debootstrap takes a minute.
push_bases() {
  local cache=${SLIPWAY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-tests}
  mkdir -p "$cache"
  (
    flock 9
    CONF_WORK=$cache/conf-bases "$(dirname "${BASH_SOURCE[0]}")/../conformance/bases.sh" "$registry"
  ) >"$work/bases.log" 2>&1 9>"$cache/lock" || { tail "$work/bases.log"; exit 1; }
}

# The image as a bundle of OCI in $work/bundle-NAME: without a terminal and, as there may be no cgroups here, without limits.
unpack() { # NAME IMAGE [ENV...]
  local name=$1 image=$2
  shift 2
  skopeo copy -q --src-tls-verify=false "docker://$registry/$image" "oci:$work/pulled:$name" &&
    umoci unpack --image "$work/pulled:$name" "$work/bundle-$name" >"$work/umoci.log" 2>&1 || { tail "$work/umoci.log"; return 1; }
  # What a container may do is what docker lets it do.
  jq '["CAP_AUDIT_WRITE","CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FOWNER","CAP_FSETID","CAP_KILL","CAP_MKNOD","CAP_NET_BIND_SERVICE",
      "CAP_NET_RAW","CAP_SETFCAP","CAP_SETGID","CAP_SETPCAP","CAP_SETUID","CAP_SYS_CHROOT"] as $caps
    | .process.terminal = false | .process.noNewPrivileges = false | del(.process.rlimits) | .process.env += $ARGS.positional
    | .process.capabilities = (if .process.user.uid == 0 then {bounding: $caps, effective: $caps, permitted: $caps}
        else {bounding: $caps} end)
    | .linux.namespaces |= map(select(.type != "cgroup")) | del(.linux.resources)' \
    --args "$@" <"$work/bundle-$name/config.json" >"$work/config" && cp "$work/config" "$work/bundle-$name/config.json"
}

# Starts it in the background, in a network of its own that has the loopback device only; what it says is in
# $work/said-NAME.
start() { # NAME
  runc --root "$work/runc" run -b "$work/bundle-$1" "$1-$$" </dev/null >"$work/said-$1" 2>&1 &
  containers+=("$1:$!")
}
within() { # NAME COMMAND...: a command of the image in the container
  local name=$1
  shift
  runc --root "$work/runc" exec "$name-$$" "$@"
}
beside() { # NAME COMMAND...: a command of this machine in the container's network
  local pid
  pid=$(runc --root "$work/runc" state "$1-$$" | jq .pid) && [ "$pid" != 0 ] || return 1
  shift
  nsenter -t "$pid" -n "$@"
}
# Repeats a command until it succeeds, for as long as a program may take to start on a slow machine.
in_time() {
  for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  return 1
}
ends() { # NAME: the program ends by itself, with 0
  local each
  for each in "${containers[@]}"; do
    [ "${each%%:*}" != "$1" ] || { in_time eval "! kill -0 ${each#*:}" && wait "${each#*:}"; return; }
  done
  return 1
}
stops_with() { runc --root "$work/runc" kill "$1-$$" "$2" && ends "$1"; } # NAME SIGNAL
config_of() { skopeo inspect --tls-verify=false --config --raw "docker://$registry/$1"; }

at_end() {
  local each
  for each in "${containers[@]}"; do
    runc --root "$work/runc" delete -f "${each%%:*}-$$" >/dev/null 2>&1 || true
    wait "${each#*:}" 2>/dev/null || true
  done
}
