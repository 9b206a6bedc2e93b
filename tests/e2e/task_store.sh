#!/bin/bash
# Stored tasks through the real programs: made, run, changed, started by a timer, removed; where their secrets are not;
# logins of a task; old runs; the exchange of the key.
#   task_store.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

task() { timeout 300 "$bin/slipway" task "$@" >"$work/out" 2>"$work/err"; }
refused() { # PATTERN task arguments: the command must fail and say so
  local pattern=$1
  shift
  if task "$@"; then return 1; fi
  grep -qE -- "$pattern" "$work/err" || { sed 's/^/      | /' "$work/err" | tail -n 5; return 1; }
}
show() { "$bin/slipway" task show -n "$1" -o json | jq -r "$2"; }
runs() { "$bin/slipway" task list-runs -n "$1" --top 100 -o json | jq -r "$2"; }
stop_daemon() { kill -TERM "$daemon_pid"; wait "$daemon_pid" || true; daemon_pid=; }
hidden="hush-$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')"

repo=$work/app.git
git init -q -b main "$repo"
commit() { git -C "$repo" add -A && git -C "$repo" -c user.name=a -c user.email=a@b commit -qm "$1" && git -C "$repo" rev-parse HEAD; }
cat >"$repo/Dockerfile" <<'D'
FROM scratch AS first
ARG VERSION=none
ARG TOKEN=none
LABEL version=$VERSION
COPY Dockerfile /
FROM first AS second
LABEL stage=second
D
first=$(commit first)
source=file://$repo#main

# Made and run.
check "a task is made" task create -n app-task -c "$source" -f Dockerfile -t 'app:{{.Run.ID}}' -t app:latest --arg VERSION=1 \
  --secret-arg "TOKEN=$hidden-arg" --target first --commit-trigger-enabled false
check "its name is taken, in any case" refused "there is a task 'App-Task' already" create -n App-Task -c "$source" -f Dockerfile -t app
check "what is wrong is named" refused "schedule.*hour" create -n other-task -c "$source" -f Dockerfile -t app --schedule "0 25 * * *"
check "a webhook needs a repository" refused "no source" \
  create -n other-task -c /dev/null --cmd "x" --commit-trigger-enabled true
check "it runs" task run -n app-task
check "as a build of a task" [ "$(runs app-task '.[0].runType')" = AutoBuild ]
check "and pushes" [ "$(skopeo inspect --config --tls-verify=false "docker://$registry/app:latest" | jq -r .config.Labels.version)" = 1 ]
check "of the commit that the branch was at" [ "$(runs app-task '.[0].revision')" = "$first" ]
check "an argument is another for one run" task run -n app-task --arg VERSION=2
check "in that run" [ "$(skopeo inspect --config --tls-verify=false "docker://$registry/app:latest" | jq -r .config.Labels.version)" = 2 ]

# Named after what only the source tells.
tags_of() { curl -fsS "http://$registry/v2/$1/tags/list" | jq -r '.tags | sort | join(" ")'; }
check "a task is named after its commit" task create -n named-task -c "$source" -f Dockerfile -t 'named:{{.Run.Commit}}' \
  --arg 'VERSION={{.Run.Branch}}' --commit-trigger-enabled false
check "it runs by hand" task run -n named-task
check "under the commit's name" [ "$(tags_of named)" = "$first" ]
check "with what else the source tells" \
  [ "$(skopeo inspect --config --tls-verify=false "docker://$registry/named:$first" | jq -r .config.Labels.version)" = main ]
check "a quick build too" build -t 'quick:{{.Run.Commit}}-{{.Run.Branch}}' "$source"
check "has the commit and the branch" [ "$(tags_of quick)" = "$first-main" ]
check "a commit that is asked for" build -t 'asked:{{.Run.Commit}}' "file://$repo#$first"
check "is what it is named after" [ "$(tags_of asked)" = "$first" ]

# Changed: only what is given.
before=$(show app-task 'del(.etag, .lastUpdatedDate, .step.target)')
check "the target is changed" task update -n app-task --target second
check "and nothing else" [ "$(show app-task 'del(.etag, .lastUpdatedDate, .step.target)')" = "$before" ]
check "the next run goes by it" task run -n app-task
labels=$(skopeo inspect --config --tls-verify=false "docker://$registry/app:latest" | jq -rc .config.Labels)
check "with the arguments as they were" [ "$labels" = '{"stage":"second","version":"1"}' ]

# Started by a timer, at a real minute, once.
check "a timer is added" task timer add -n app-task --timer-name each --schedule "* * * * *"
timed() { runs app-task '[.[] | select(.timerTrigger.timerTriggerName == "each")] | length'; }
for _ in $(seq 140); do [ "$(timed)" -ge 1 ] && break; sleep 0.5; done
check "it starts the task when the minute is full" [ "$(timed)" -ge 1 ]
stop_daemon
start_daemon
occurrences() { runs app-task '.[] | .timerTrigger.scheduleOccurrence // empty' | sort; }
check "a moment is one run, over a restart too" [ -z "$(occurrences | uniq -d)" ]
check "at full minutes" [ -z "$(occurrences | grep -v ':00Z$')" ]
check "the task is disabled" task update -n app-task --status Disabled
check "and its timer is idle" [ "$(show app-task '.trigger.timerTriggers[0].nextTime // "never"')" = never ]
check "by hand it runs all the same" task run -n app-task --no-logs

# Logins of a task: a registry that asks for one.
private=127.0.0.1:$(free_port)
htpasswd -nbB -C 4 ada "$hidden-pw" >"$work/htpasswd"
cat >"$work/private.yml" <<Y
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/private}}
http: {addr: "$private"}
auth: {htpasswd: {realm: test, path: $work/htpasswd}}
Y
docker-registry serve "$work/private.yml" >/dev/null 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$private/v2/")" = 401 ] && break; sleep 0.05; done
check "a task for a private registry" task create -n private-task -c "$source" -f Dockerfile -t "$private/app:v1" --commit-trigger-enabled false
check "cannot push without a login" bash -c '! "$0" task run -n private-task >"$1" 2>&1 && grep -qiE "credential|unauthor|login" "$1"' "$bin/slipway" "$work/out"
check "a login is added" task credential add -n private-task --login-server "$private" -u ada -p "$hidden-pw"
check "and is used" task run -n private-task
check "the image is there" skopeo inspect --creds "ada:$hidden-pw" --tls-verify=false "docker://$private/app:v1"

# Secrets are in no database, log or answer.
stop_daemon
leaks() { grep -rlaF "$hidden" "$work/state/runs.db" "$work/state/runs.db-wal" "$work/state/logs" "$work/slipwayd.log" 2>/dev/null || true; }
check "no secret lies about" [ -z "$(leaks)" ]
cp "$work/state/key" "$work/old-key"
check "the key is exchanged" "$bin/slipwayd" --root "$work/state" --rotate-key
check "it is another" bash -c '! cmp -s "$0" "$1"' "$work/state/key" "$work/old-key"
start_daemon
check "a daemon keeps others from its key" bash -c '! "$0" --root "$1" --rotate-key 2>/dev/null' "$bin/slipwayd" "$work/state"
check "with it the task has its secrets still" task run -n private-task
"$bin/slipway" task show -n app-task -o json >"$work/shown"
"$bin/slipway" task show -n private-task -o json >>"$work/shown"
"$bin/slipway" task list-runs -o json >>"$work/shown"
check "no answer tells one" bash -c '! grep -qF "$0" "$1"' "$hidden" "$work/shown"

# Removed; what it did stays.
count=$(runs app-task length)
check "a task is removed" task delete -n app-task -y
check "and is gone" refused "no task 'app-task'" show -n app-task
check "its runs are not" [ "$(runs app-task length)" = "$count" ]

# Old runs go; archived ones stay.
oldest=$(runs app-task '.[-1].runId')
check "a run is archived" task update-run --run-id "$oldest" --no-archive false
stop_daemon
start_daemon --keep-runs 2
left() { "$bin/slipway" runs --top 100 -o json | jq -r '[.[] | .runId] | length'; }
for _ in $(seq 150); do [ "$(left)" -eq 3 ] && break; sleep 0.5; done
check "two runs and the archived one are left" [ "$(left)" -eq 3 ]
check "logs of others are gone" [ "$(find "$work/state/logs" -name '*.log' | wc -l)" -eq 3 ]
check "the archived one has its log" [ -s "$work/state/logs/$oldest.log" ]

done_with_checks
