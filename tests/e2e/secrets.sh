#!/bin/bash
# The daemon's own store of secrets through the real programs: set, listed, used by a task file, changed, exchanged with the
# key, removed; and where the values are not.
#   secrets.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

secret() { "$bin/slipway" secret "$@" >"$work/out" 2>"$work/err"; }
run_task() { timeout 300 "$bin/slipway" run --progress plain "$@" >"$work/out" 2>&1; }
refused() { # PATTERN secret arguments: the command must fail and say so
  local pattern=$1
  shift
  if secret "$@"; then return 1; fi
  grep -qE -- "$pattern" "$work/err" || { sed 's/^/      | /' "$work/err" | tail -n 5; return 1; }
}
stop_daemon() { kill -TERM "$daemon_pid"; wait "$daemon_pid" || true; daemon_pid=; }
value="hush-$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')"

# Set and listed.
check "a secret is read from standard input" secret set deploy - <<<"$value-one"
check "which is what is read without a value" secret set other <<<"$value-other"
printf '%s\nsecond line\n' "$value-key" >"$work/key.pem"
check "or from a file" secret set key.pem --from-file "$work/key.pem"
check "they are listed by name" secret list
check "without values" [ "$(tail -n +3 "$work/out" | awk '{print $1}' | xargs)" = "deploy key.pem other" ]
check "as JSON too" bash -c '"$0" secret list -o json | jq -e "length == 3 and .[0].name == \"deploy\" and (.[0] | keys) == [\"createTime\", \"name\", \"updateTime\"]" >/dev/null' "$bin/slipway"
check "a name must be one" refused "is no name of a secret" set a/b - <<<"$value"
check "what cannot be hidden is refused" refused "cannot be hidden in logs" set short - <<<"ab"
check "what is not there cannot be removed" refused "no secret 'none'" delete none

# Used by a task file.
mkdir -p "$work/box" "$work/task"
cp /bin/busybox "$work/box/busybox"
printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nENV PATH=/bin\n' >"$work/box/Dockerfile"
build -t box:v1 "$work/box" || { cat "$work/out"; exit 1; }
cat >"$work/task/acb.yaml" <<Y
version: v1.1.0
secrets:
  - {id: deploy, keyvault: "store:deploy"}
  - {id: key, keyvault: "store:key.pem"}
volumes:
  - name: keys
    secret: {key: "{{.Secrets.key | b64enc}}"}
steps:
  - id: use
    cmd: $registry/box:v1 sh -c 'echo "\$PW"; echo "\$PW" | sed s/hush/seen/; wc -l < /keys/key; sleep 1'
    env: ["PW={{.Secrets.deploy}}"]
    volumeMounts: [{name: keys, mountPath: /keys}]
Y
(while sleep 0.2; do pgrep -af -- "$value" && break; done >"$work/ps.seen" 2>/dev/null) &
watcher=$!
check "a task reads them" run_task -f acb.yaml "$work/task"
kill "$watcher" 2>/dev/null || true
wait "$watcher" 2>/dev/null || true
check "it had the value" says "\[use\] ${value/hush/seen}-one"
check "of several lines as they are" says '\[use\] 2$'
check "the log hides it" says '\[use\] \*\*\*'
check "no output shows it" bash -c '! grep -qF "$0" "$1"' "$value" "$work/out"
check "no process list shows it" [ ! -s "$work/ps.seen" ]
check "another value takes its place" secret set deploy - <<<"$value-two"
check "for the next run" bash -c '"$0" run --progress plain -f acb.yaml "$1" 2>&1 | grep -q "\[use\] $2-two"' "$bin/slipway" "$work/task" "${value/hush/seen}"
sed -i 's/store:deploy/store:deplyo/' "$work/task/acb.yaml"
check "a missing one fails the run" bash -c '! "$0" run --progress plain -f acb.yaml "$1" >"$2" 2>&1' "$bin/slipway" "$work/task" "$work/out"
check "with the name that was meant" says "no secret 'deplyo'; did you mean 'deploy'"
sed -i 's/store:deplyo/store:deploy/' "$work/task/acb.yaml"

# Not in any file, and with the next key as with this one.
leaks() { grep -rlaF "$value" "$work/state" "$work/slipwayd.log" 2>/dev/null || true; }
stop_daemon
check "no value lies about" [ -z "$(leaks)" ]
check "the key is exchanged" "$bin/slipwayd" --root "$work/state" --rotate-key
start_daemon
check "the task has its secrets still" run_task -f acb.yaml "$work/task"
check "with their values" says "\[use\] ${value/hush/seen}-two"
check "one is removed" secret delete other
check "and gone" bash -c '"$0" secret list -o json | jq -e "map(.name) == [\"deploy\", \"key.pem\"]" >/dev/null' "$bin/slipway"
kill -9 "$daemon_pid"
wait "$daemon_pid" 2>/dev/null || true
start_daemon
check "what was set survives a daemon that dies" run_task -f acb.yaml "$work/task"
check "nowhere in the clear" [ -z "$(leaks)" ]

done_with_checks
