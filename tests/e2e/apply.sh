#!/bin/bash
# Tasks from a file through the real programs: made, left alone, changed, shown; with secrets that stand in no file.
#   apply.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

apply() { "$bin/slipway" apply "$@" >"$work/out" 2>"$work/err"; }
said() { diff -u - "$work/out"; }
show() { "$bin/slipway" task show -n "$1" -o json | jq -r "$2"; }

repo=$work/app.git
git init -q -b main "$repo"
printf 'FROM scratch\nARG VERSION\nARG TOKEN\nLABEL version=$VERSION\nCOPY Dockerfile /\n' >"$repo/Dockerfile"
git -C "$repo" add -A && git -C "$repo" -c user.name=a -c user.email=a@b commit -qm first

cat >"$work/tasks.yaml" <<Y
tasks:
- name: app-task
  step:
    type: Docker
    contextPath: file://$repo#main
    dockerFilePath: Dockerfile
    imageNames: ["app:latest"]
    arguments:
    - {name: VERSION, value: "1"}
    - {name: TOKEN, isSecret: true, valueFrom: "env:APP_TOKEN"}
  trigger:
    sourceTriggers: [{name: pushes, secret: {valueFrom: file:hook-secret}}]
    timerTriggers: [{name: yearly, schedule: 0 4 1 1 *, timeZone: Europe/Berlin}]
- name: command-task
  step: {taskContent: "steps: [{cmd: app}]"}
Y
echo "hush-hook" >"$work/hook-secret"
export APP_TOKEN=hush-token

check "a dry run succeeds" apply --dry-run -f "$work/tasks.yaml"
check "it says what would be made" grep -qx 'task app-task: would be created' "$work/out"
check "it makes nothing" [ "$("$bin/slipway" task list -o json)" = "[]" ]
check "tasks are made" apply -f "$work/tasks.yaml"
check "both" said <<'T'
task app-task: created
task command-task: created
T
check "a given webhook secret is told to nobody" bash -c '! grep -qi secret "$0"' "$work/err"
etag=$(show app-task .etag)
check "a second time succeeds" apply -f "$work/tasks.yaml"
check "and changes nothing" said <<'T'
task app-task: unchanged
task command-task: unchanged
T
check "not even the etag" [ "$(show app-task .etag)" = "$etag" ]
check "what is made runs" bash -c '"$0" task run -n app-task >"$1" 2>&1' "$bin/slipway" "$work/log"
check "as the file says" [ "$(skopeo inspect --config --tls-verify=false "docker://$registry/app:latest" | jq -r .config.Labels.version)" = 1 ]

sed -i 's/value: "1"/value: "2"/' "$work/tasks.yaml"
check "a change is shown" apply --dry-run -f "$work/tasks.yaml"
check "by its path" said <<'T'
task app-task: would be changed
  - step.arguments[VERSION].value: 1
  + step.arguments[VERSION].value: 2
task command-task: unchanged
T
check "and made" apply -f "$work/tasks.yaml"
check "the rest is as it was" [ "$(show app-task '.trigger.timerTriggers[0].timeZone')" = Europe/Berlin ]
APP_TOKEN=hush-other
check "another secret is a change" apply --dry-run -f "$work/tasks.yaml"
check "that is not shown" said <<'T'
task app-task: would be changed
  ~ values of secrets
task command-task: unchanged
T
check "it is made" apply -f "$work/tasks.yaml"
check "once" apply -f "$work/tasks.yaml"
check "then nothing differs" said <<'T'
task app-task: unchanged
task command-task: unchanged
T

"$bin/slipway" task show -n app-task -o yaml >"$work/shown.yaml"
check "what is shown holds no secret" bash -c '! grep -q hush "$0"' "$work/shown.yaml"
check "and is taken" apply -f "$work/shown.yaml"
check "as nothing new" said <<<"task app-task: unchanged"

# What a task of the file leaves out is removed, but secrets; tasks that the file leaves out stay.
cp "$work/tasks.yaml" "$work/whole.yaml"
sed -i '/timerTriggers/d; /VERSION/d; /^- name: command-task/,$d' "$work/tasks.yaml"
check "what is left out is shown" apply --dry-run -f "$work/tasks.yaml"
check "as removed" bash -c 'grep -q "^  - .*VERSION" "$0" && grep -q "^  - .*yearly" "$0" && ! grep -q "^  + " "$0"' "$work/out"
check "and removed" apply -f "$work/tasks.yaml"
check "the timer" [ "$(show app-task '.trigger.timerTriggers // [] | length')" = 0 ]
check "and the argument" [ "$(show app-task '[.step.arguments[].name] | join(" ")')" = TOKEN ]
check "a task that the file leaves out stays" [ "$(show command-task .name)" = command-task ]
sed -i 's/, isSecret: true, valueFrom: "env:APP_TOKEN"}/, isSecret: true}/' "$work/tasks.yaml"
check "a secret that is left out stays" apply -f "$work/tasks.yaml"
check "as nothing new" said <<<"task app-task: unchanged"
cp "$work/whole.yaml" "$work/tasks.yaml"
check "all comes back with the file" apply -f "$work/tasks.yaml"

sed -i 's/imageNames/imageName/; s/^- name: command-task/- name: x/' "$work/tasks.yaml"
check "mistakes fail" bash -c '! "$0" apply -f "$1" 2>"$2"' "$bin/slipway" "$work/tasks.yaml" "$work/err"
check "with their place and what was meant" grep -q "tasks.yaml:7:5: 'imageName' is unknown; did you mean 'imageNames'?" "$work/err"
sed -i 's/imageName/imageNames/; s/VERSION, value: "2"/VERSION, value: "3"/' "$work/tasks.yaml"
check "what the daemon refuses fails" bash -c '! "$0" apply -f "$1" 2>"$2"' "$bin/slipway" "$work/tasks.yaml" "$work/err"
check "before anything is changed" [ "$(show app-task '.step.arguments[0].value')" = 2 ]

done_with_checks
