#!/bin/bash
# Task files through the real programs: services that find each other by name, a push that waits for tests, limits,
# secrets that appear nowhere, and a daemon that is killed in the middle.
#   task_services.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
printf 'file-s3cret-4242' >"$work/file-secret"
mkdir -p "$work/secrets"
cp "$work/file-secret" "$work/secrets/deploy"
start_daemon --secrets-folder "$work/secrets"

run_task() { timeout 300 "$bin/slipway" run --progress plain "$@" >"$work/out" 2>&1; }
run_id() { sed -n 's/^Queued a run with ID: //p' "$work/out"; }
tags_of() { curl -fsS "http://$registry/v2/$1/tags/list" 2>/dev/null | jq -r '.tags[]?' 2>/dev/null || true; }
step_state() { "$bin/slipway" show "$1" -o json | jq -r --arg id "$2" '.steps[] | select(.stepId == $id) | .status'; }
# The daemon keeps one mount of its own, in which its snapshots are private to it.
mounts_left() { grep -E " ($work/state|/run/slipway/$daemon_id)" /proc/self/mountinfo | grep -vc "/snapshots/active " || true; }
# Those of tasks: the daemon's own bridge has a name of 11 characters, which begins theirs.
daemon_id=$(printf %s "$work/state/builder" | sha256sum | cut -c1-12)
bridges_left() { find /sys/class/net -maxdepth 1 -name "slw$(printf %s "$daemon_id" | sha256sum | cut -c1-8)????" | wc -l; }
nothing_left() { # WHAT
  check "$1: no container is left" [ "$(pgrep -fc 'sleep 98765' || true)" -eq 0 ]
  check "$1: no mount is left" [ "$(mounts_left)" -eq 0 ]
  check "$1: no network is left" [ "$(bridges_left)" -eq 0 ]
  check "$1: no workspace is left" [ -z "$(ls -A "$work/state/builder/runs" 2>/dev/null)" ]
}

# An image to run steps in.
mkdir -p "$work/box"
cp /bin/busybox "$work/box/busybox"
printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\nENV PATH=/bin\nCMD ["sh"]\n' \
  >"$work/box/Dockerfile"
build -t box:v1 "$work/box" || { cat "$work/out"; exit 1; }
box=$registry/box:v1

# Twelve steps: build, start, test by name, push only if green, then tell.
mkdir -p "$work/twelve/app" "$work/twelve/tests"
cat >"$work/twelve/app/Dockerfile" <<D
FROM $box
RUN echo 'while true; do echo row | nc -l -p 8080; done' > /serve
CMD ["sh", "/serve"]
D
printf 'FROM %s\nCOPY test /test\n' "$box" >"$work/twelve/tests/Dockerfile"
cat >"$work/twelve/tests/test" <<'T'
for i in $(seq 50); do nc -w 2 "$1" "$2" </dev/null | grep "$3" && exit 0; sleep 0.1; done
exit 1
T
cat >"$work/twelve/acb.yaml" <<Y
version: v1.1.0
steps:
  - id: build-app
    build: -t \$Registry/twelve/app:\$ID app
    when: ["-"]
  - id: build-tests
    build: -t tests tests
    when: ["-"]
  - id: lint
    cmd: $box sh -c 'test -f tests/test && echo lint is fine'
    when: ["-"]
  - id: db
    cmd: $box sh -c 'while true; do echo stored | nc -l -p 5432; done'
    detach: true
    when: ["-"]
  - id: app
    cmd: \$Registry/twelve/app:\$ID
    detach: true
    when: [build-app, db]
  - id: db-answers
    cmd: tests sh /test db 5432 stored
    when: [build-tests, db]
  - id: app-answers
    cmd: tests sh /test app 8080 row
    when: [build-tests, app]
  - id: verdict
    cmd: $box sh -c 'exit {{.Values.verdict}}'
    when: [db-answers, app-answers, lint]
  - id: report
    cmd: $box sh -c 'echo green > report && hostname'
    when: [verdict]
  - id: build-report
    build: -t \$Registry/twelve/report:\$ID -f app/report.Dockerfile .
    when: [report]
  - id: push
    push: ["\$Registry/twelve/app:\$ID", "\$Registry/twelve/report:\$ID"]
    when: [build-report]
  - id: notify
    cmd: $box echo notified
    when: [push]
    runOn: always
Y
printf 'FROM scratch\nCOPY report /report\n' >"$work/twelve/app/report.Dockerfile"
check "a task of twelve steps succeeds" run_task -f acb.yaml --set verdict=0 "$work/twelve"
id=$(run_id)
check "the app was tested by its name" says '\[app-answers\] row'
check "the database was tested by its name" says '\[db-answers\] stored'
check "a step is called by its id" says '\[report\] report'
check "the app was pushed" [ "$(tags_of twelve/app)" = "$id" ]
check "a build saw what a step wrote" \
  bash -c "skopeo copy -q --src-tls-verify=false docker://$registry/twelve/report:$id dir:$work/report &&
           for f in $work/report/*; do gunzip -c \$f 2>/dev/null; done | grep -qa green"
check "then it was told" says '\[notify\] notified'
check "the services ended well" [ "$(step_state "$id" db)" = successful ]
nothing_left "twelve steps"

check "a failing test fails the run" bash -c "! timeout 300 '$bin/slipway' run --progress plain -f acb.yaml --set verdict=3 '$work/twelve' >'$work/out' 2>&1"
failed=$(run_id)
check "and says which step it was" says 'Step ID: verdict marked as failed'
check "and how" says 'Error: .*exit code 3'
check "nothing of it is pushed" [ "$(tags_of twelve/app)" = "$id" ]
check "what waited is skipped" [ "$(step_state "$failed" push)" = skipped ]
check "it was told all the same" [ "$(step_state "$failed" notify)" = successful ]
check "what was built is reported" says 'repository: twelve/app'
nothing_left "a failing test"

# Fifty at once, under the limit.
{
  echo 'version: v1.1.0'
  echo 'maxParallel: 4'
  echo 'steps:'
  # These two end only if they run at the same time.
  printf '  - id: ping\n    when: ["-"]\n    cmd: %s sh -c "touch ping; until [ -e pong ]; do sleep 0.05; done"\n' "$box"
  printf '  - id: pong\n    when: ["-"]\n    cmd: %s sh -c "touch pong; until [ -e ping ]; do sleep 0.05; done"\n' "$box"
  for i in $(seq 50); do
    printf '  - id: s%s\n    when: ["-"]\n    cmd: %s sh -c "mkdir /workspace/in.%s; ls -d /workspace/in.* | wc -l; rmdir /workspace/in.%s"\n' \
      "$i" "$box" "$i" "$i"
  done
} >"$work/fifty.yaml"
check "fifty steps at once succeed" run_task -f "$work/fifty.yaml" /dev/null
grep -oE '^\[s[0-9]+\] [0-9]+$' "$work/out" | cut -d' ' -f2 >"$work/counts"
check "each ran and was logged by its name" [ "$(wc -l <"$work/counts")" -eq 50 ]
check "never more than the limit" [ "$(sort -n "$work/counts" | tail -n 1)" -le 4 ]
nothing_left "fifty steps"

# A secret value is nowhere but where it belongs.
mkdir -p "$work/secret"
printf 'FROM scratch\nCOPY seen /seen\n' >"$work/secret/Dockerfile"
cat >"$work/secret/acb.yaml" <<Y
version: v1.1.0
secrets:
  - id: deploy
    keyvault: file:deploy
volumes:
  - name: keys
    secret:
      deploy: {{.Secrets.deploy | b64enc}}
steps:
  - id: use
    cmd: $box sh -c 'cat /run/keys/deploy; echo; stat -c %a /run/keys/deploy; sleep 2; wc -c < /run/keys/deploy > seen; echo "\$PW" | wc -c'
    env: ["PW={{.Secrets.deploy}}"]
    volumeMounts: [{name: keys, mountPath: /run/keys}]
  - id: fails
    cmd: $box sh -c 'echo "\$PW" >&2; exit 5'
    env: ["PW={{.Secrets.deploy}}"]
    ignoreErrors: true
  - build: -t \$Registry/secret:\$ID .
  - push: ["\$Registry/secret:\$ID"]
Y
value=$(cat "$work/file-secret")
(while sleep 0.2; do pgrep -af -- "$value" && break; done >"$work/ps.seen" 2>/dev/null) &
watcher=$!
check "a task with secrets succeeds" run_task -f acb.yaml "$work/secret"
kill "$watcher" 2>/dev/null || true
wait "$watcher" 2>/dev/null || true
id=$(run_id)
check "the step had it" says '\[use\] 400'
check "it is masked" says '\[use\] \*\*\*'
check "no output shows it" bash -c "! grep -qF '$value' '$work/out'"
check "no process list shows it" [ ! -s "$work/ps.seen" ]
"$bin/slipway" show "$id" -o json >"$work/shown"
check "the run's record does not show it" bash -c "! grep -qF '$value' '$work/shown'"
check "no file of the daemon holds it" bash -c "! grep -rqF '$value' '$work/state' '$work/slipwayd.log'"
check "nor its base64" bash -c "! grep -rqF '$(printf %s "$value" | base64)' '$work/state' '$work/slipwayd.log'"
check "the image does not hold it" \
  bash -c "skopeo copy -q --src-tls-verify=false docker://$registry/secret:$id dir:$work/secret-image &&
           ! (cat $work/secret-image/*; for f in $work/secret-image/*; do gunzip -c \$f 2>/dev/null; done) | grep -qaF '$value'"
nothing_left "secrets"

# Cancel reaches all of it.
cat >"$work/long.yaml" <<Y
version: v1.1.0
steps:
  - id: service
    cmd: $box sleep 98765
    detach: true
  - id: long
    cmd: $box sh -c '(trap "" TERM; while true; do sleep 98765; done) & echo at work; sleep 98765'
    timeout: 600
  - id: later
    cmd: $box echo never
Y
started() { # ID: the step is at work
  for _ in $(seq 600); do
    "$bin/slipway" logs "$1" 2>/dev/null | grep -q '\[long\] at work' && return
    sleep 0.05
  done
  return 1
}
ended() {
  for _ in $(seq 1200); do
    case $("$bin/slipway" show "$1" -o json | jq -r .status) in Succeeded | Failed | Error | Canceled | Timeout) return ;; esac
    sleep 0.1
  done
  return 1
}
queue() { "$bin/slipway" run --no-wait -o json -f "$1" /dev/null 2>/dev/null | jq -r .runId; }
id=$(queue "$work/long.yaml")
check "a long run is at work" started "$id"
check "its steps are told meanwhile" \
  [ "$("$bin/slipway" show "$id" -o json | jq -r '[.steps[].status] | join(", ")')" = "successful, in progress, queued" ]
check "with when they began" [ "$("$bin/slipway" show "$id" -o json | jq -r '[.steps[] | has("startTime")] | join(" ")')" = "true true false" ]
check "for people too" bash -c '"$0" show "$1" | grep -qE "^long +cmd +in progress +20[0-9-]+T"' "$bin/slipway" "$id"
check "what has not begun is queued" bash -c '"$0" show "$1" | grep -qE "^later +cmd +queued"' "$bin/slipway" "$id"
check "it is canceled" "$bin/slipway" cancel "$id"
check "and ends" ended "$id"
nothing_left "cancel"

# The daemon is killed while services run: the next one cleans up and runs it again.
id=$(queue "$work/long.yaml")
check "a run with a service is at work" started "$id"
kill -9 "$daemon_pid"
wait "$daemon_pid" 2>/dev/null || true
start_daemon --secrets-folder "$work/secrets"
again() {
  for _ in $(seq 1200); do
    [ "$("$bin/slipway" logs "$id" 2>/dev/null | grep -c '\[long\] at work')" -ge 2 ] && return
    sleep 0.05
  done
  return 1
}
check "it runs again after the daemon was killed" again
check "with one service, not two" [ "$(pgrep -fc '^sleep 98765$')" -le 3 ]
check "it is canceled" "$bin/slipway" cancel "$id"
check "and ends" ended "$id"
nothing_left "a killed daemon"

done_with_checks
