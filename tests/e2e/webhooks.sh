#!/bin/bash
# Pushes to a real git server lead to pushed images: the server's post-receive hook sends the webhook of each host that is
# known. What is not genuine, comes twice, is not wanted or is superseded; a fork; a daemon that is killed in between; a
# flood; what the git host and a receiver are told.
#   webhooks.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
tools=$(cd "$(dirname "$0")/hooks" && pwd)
start_registry
git_port=$(free_port)
http=127.0.0.1:$(free_port)
receiver_port=$(free_port)
repository=http://127.0.0.1:$git_port/org/app.git
mkdir -p "$work/git/org"
start_git() { python3 "$tools/git_http.py" "$git_port" "$work/git" 2>>"$work/git.err" & git_pid=$!; pids+=("$git_pid"); }
start_receiver() {
  python3 "$tools/recorder.py" "$receiver_port" n0tify "$work/told" 2>>"$work/receiver.err" &
  receiver_pid=$!
  pids+=("$receiver_pid")
}
start_git
start_receiver
start_it() {
  start_daemon --http-listen "$http" --public-url "http://$http" \
    --notify "url=http://127.0.0.1:$receiver_port/told,secret=n0tify"
}
kill_daemon() {
  kill -9 "$daemon_pid"
  wait "$daemon_pid" 2>/dev/null || true
}
start_it
for _ in $(seq 200); do curl -s -o /dev/null "http://127.0.0.1:$git_port/none" && break; sleep 0.05; done
check "the listener answers" [ "$(curl -fsS "http://$http/healthz")" = ok ]

# A repository whose hook sends the webhook of the host that hook.env names.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
git init -q --bare -b main "$work/git/org/app.git"
git -C "$work/git/org/app.git" config http.receivepack true
cat >"$work/git/org/app.git/hooks/post-receive" <<H
#!/bin/bash
. "$work/hook.env"
while read -r old new ref; do
  [ -n "\$HOST" ] || continue
  mapfile -t paths < <(git diff-tree -r --name-only "\$old" "\$new" 2>/dev/null)
  "$tools/send_webhook.sh" "\$HOST" "\$ADDRESS" "\$SECRET" "\$DELIVERY" "$repository" "\$old" "\$new" "\$ref" \
    "\$(git log -1 --format=%B "\$new")" "\${paths[@]}" >>"$work/hook.status" 2>>"$work/hook.err"
done
H
chmod +x "$work/git/org/app.git/hooks/post-receive"

git init -q -b main "$work/clone"
in_clone() { git -C "$work/clone" -c user.name=ada -c user.email=ada@example.com "$@"; }
mkdir -p "$work/clone/src" "$work/clone/docs"
cp /bin/busybox "$work/clone/busybox"
cat >"$work/clone/Dockerfile" <<'D'
FROM scratch
ARG COMMIT
LABEL commit=$COMMIT
COPY src /src
D
echo 1 >"$work/clone/src/a"
in_clone add -A
in_clone commit -q -m first
in_clone remote add origin "$repository"
hook() { # HOST TASK DELIVERY: what the next push sends
  printf 'HOST=%q\nADDRESS=%q\nSECRET=%q\nDELIVERY=%q\n' "$1" "http://$http/webhooks/git/$2" "$(cat "$work/secret.$2" 2>/dev/null)" \
    "$3" >"$work/hook.env"
  : >"$work/hook.status"
}
hook '' none ''
in_clone push -q origin main

create() { # TASK [options]: a task that a push to its branch starts; its secret is kept
  local task=$1
  shift
  "$bin/slipway" task create -n "$task" -c "$repository" -f Dockerfile --arg 'COMMIT={{.Run.Commit}}' \
    -t "$task:{{.Run.Commit}}" "$@" -o json >"$work/created.json" 2>"$work/created.err" || { cat "$work/created.err"; return 1; }
  jq -r '[.. | objects | .secret? // empty | strings] | first' "$work/created.json" >"$work/secret.$task"
  [ -s "$work/secret.$task" ]
}
commit() { # FILE TEXT MESSAGE [BRANCH]: commits and pushes; $sha is the commit
  mkdir -p "$(dirname "$work/clone/$1")"
  echo "$2" >"$work/clone/$1"
  in_clone add -A
  in_clone commit -q -m "$3"
  sha=$(in_clone rev-parse HEAD)
  in_clone push -q origin "HEAD:${4:-main}" 2>>"$work/push.err"
}
answered() { [ "$(cat "$work/hook.status")" = "$1" ] || { echo "      | answered '$(cat "$work/hook.status")'"; return 1; }; }
runs_of() { # TASK COMMIT: ids and states
  "$bin/slipway" runs --top 1000 -o json |
    jq -r --arg task "$1" --arg sha "$2" '.[] | select(.task == $task and .sourceTrigger.commitId == $sha) | "\(.runId) \(.status)"'
}
ends() { # TASK COMMIT STATE: its only run comes to this state
  local now=
  for _ in $(seq 600); do
    now=$(runs_of "$1" "$2")
    case $now in *Succeeded | *Failed | *Error | *Canceled | *Timeout) break ;; esac
    sleep 0.1
  done
  [ "$(wc -l <<<"$now")" -eq 1 ] && [ "${now#* }" = "$3" ] || { echo "      | runs: $now"; return 1; }
}
verdict() { # TASK VERDICT [REASON]: that of the newest delivery, once it is judged
  local now=
  for _ in $(seq 300); do
    now=$("$bin/slipway" task deliveries -n "$1" -o json | jq -r 'if type == "array" then .[0] else .deliveries[0] end | "\(.verdict) \(.reason)"')
    case $now in Pending*) sleep 0.1 ;; *) break ;; esac
  done
  [[ "$now" == "$2"*"${3:-}"* ]] || { echo "      | $now"; return 1; }
}
silently() { "$@" >/dev/null; }
label() { skopeo inspect --tls-verify=false --config "docker://$registry/$1" 2>/dev/null | jq -r '.config.Labels.commit'; }

echo "--- a push to each host"
for host in github gitea gitlab bitbucket azuredevops generic; do
  task=app-$host
  check "$host: a task is created" create "$task" --git-access-token t0ken
  hook "$host" "$task" "first-$host"
  commit src/a "$host" "for $host"
  check "$host: the webhook is taken" answered 202
  check "$host: one run succeeds" ends "$task" "$sha" Succeeded
  check "$host: the image was pushed and carries the commit" [ "$(label "$task:$sha")" = "$sha" ]
done

echo "--- statuses"
status_of() { # PATH: states that were told there, in order
  jq -r --arg path "$1" 'select(.path == $path) | .body.state' "$work/git/api.log" 2>/dev/null | paste -sd' '
}
comes_to() { # PATTERN COMMAND...: what the command prints comes to match
  local pattern=$1 now=
  shift
  for _ in $(seq 300); do
    now=$("$@")
    # shellcheck disable=SC2053
    [[ "$now" == $pattern ]] && return
    sleep 0.1
  done
  echo "      | '$now'"
  return 1
}
sha_of() { "$bin/slipway" runs --top 1000 -o json | jq -r --arg task "$1" '[.[] | select(.task == $task)][0].sourceTrigger.commitId'; }
github_sha=$(sha_of app-github) gitea_sha=$(sha_of app-gitea) gitlab_sha=$(sha_of app-gitlab)
check "GitHub is told" comes_to '*success' status_of "/api/v3/repos/org/app/statuses/$github_sha"
check "Gitea is told" comes_to '*success' status_of "/api/v1/repos/org/app/statuses/$gitea_sha"
check "GitLab is told" comes_to '*success' status_of "/api/v4/projects/org%2Fapp/statuses/$gitlab_sha"
check "with its token, context and link" silently jq -se --arg sha "$github_sha" --arg link "http://$http/runs/" \
  'map(select(.path | endswith($sha))) | last | .headers.Authorization == "Bearer t0ken" and .body.context == "slipway/app-github"
   and (.body.target_url | startswith($link))' "$work/git/api.log"
link=$(jq -sr 'last | .body.target_url' "$work/git/api.log")
check "the link leads to the run's state" grep -q Succeeded <(curl -fsS "$link")
check "the token is in no log, record or answer" \
  bash -c "! grep -rqF t0ken '$work/slipwayd.log' '$work/state'/logs '$work/state/runs.db' && ! '$bin/slipway' task show -n app-github -o json | grep -qF t0ken"

echo "--- what is not genuine, comes twice, or is not wanted"
hook github app-github second
sed -i 's/^SECRET=.*/SECRET=guess/' "$work/hook.env"
commit src/a 2 second
check "a wrong signature is refused" answered 401
check "and recorded" verdict app-github Refused Signature
check "and starts nothing" [ -z "$(runs_of app-github "$sha")" ]
hook github app-github third
commit src/a 3 third
check "a genuine one is taken" answered 202
check "and built" ends app-github "$sha" Succeeded
# As the host would send it again.
check "the same delivery is known" [ "$("$tools/send_webhook.sh" github "http://$http/webhooks/git/app-github" "$(cat "$work/secret.app-github")" third \
  "$repository" "$(in_clone rev-parse HEAD~1)" "$sha" refs/heads/main third src/a)" = 200 ]
check "and made one run" ends app-github "$sha" Succeeded
hook github app-github fourth
commit src/a 4 'docs only [skip ci]'
check "a commit that asks to be skipped is taken" answered 202
check "and skipped" verdict app-github Skipped 'asks to be skipped'
check "and starts nothing" [ -z "$(runs_of app-github "$sha")" ]
hook github app-github fifth
commit src/a 5 fifth other
check "another branch is skipped" verdict app-github Skipped "branch 'other'"
hook '' none ''
in_clone push -q origin HEAD:main 2>>"$work/push.err"
body='{"zen": "x"}'
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$(cat "$work/secret.app-github")" -r | cut -d' ' -f1)
post() { curl -s -o /dev/null -w '%{http_code}' "$@"; }
check "a ping is answered" [ "$(post -H 'X-GitHub-Event: ping' -H "X-Hub-Signature-256: sha256=$signature" -d "$body" "http://$http/webhooks/git/app-github")" = 200 ]
check "an event that starts nothing too" [ "$(post -H 'X-GitHub-Event: star' -H "X-Hub-Signature-256: sha256=$signature" -d "$body" "http://$http/webhooks/git/app-github")" = 200 ]
check "a task that is not there" [ "$(post -d "$body" "http://$http/webhooks/git/nobody")" = 404 ]
check "nonsense" [ "$(post -d "$body" "http://$http/webhooks/git/app-github")" = 400 ]
check "another method" [ "$(post "http://$http/webhooks/git/app-github")" = 405 ]
check "too large" [ "$(head -c 9000000 /dev/zero | post -H 'X-GitHub-Event: push' --data-binary @- "http://$http/webhooks/git/app-github")" = 413 ]
check "another repository" [ "$("$tools/send_webhook.sh" gitlab "http://$http/webhooks/git/app-gitlab" "$(cat "$work/secret.app-gitlab")" x \
  http://127.0.0.1/org/other.git "$sha" "$sha" refs/heads/main m src/a)" = 422 ]

echo "--- paths"
check "a task for paths is created" create app-paths --path-filter 'src/**'
for host in github bitbucket; do # one names the changed paths, one does not
  hook "$host" app-paths "paths-$host-1"
  commit docs/a "$host" "docs of $host"
  check "$host: what touches other paths is skipped" verdict app-paths Skipped 'no changed path'
  hook "$host" app-paths "paths-$host-2"
  commit src/b "$host" "source of $host"
  check "$host: what touches them is built" ends app-paths "$sha" Succeeded
done

echo "--- superseded"
mkdir -p "$work/box"
cp /bin/busybox "$work/box/busybox"
printf 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n' >"$work/box/Dockerfile"
build -t box:v1 "$work/box" || { cat "$work/out"; exit 1; }
steps() { # LINES...: the Dockerfile is these on a small base
  { printf 'FROM %s/box:v1\nARG COMMIT\nARG TOKEN\nLABEL commit=$COMMIT\n' "$registry"; printf '%s\n' "$@"; } >"$work/clone/Dockerfile"
}
check "a task that cancels what is superseded is created" create app-newest --cancel-previous
hook github app-newest newest-1
steps 'RUN echo at work; sleep 600'
commit src/a slow slow
slow=$sha
at_work() { for _ in $(seq 300); do [[ $(runs_of app-newest "$1") == *Running ]] && return; sleep 0.1; done; return 1; }
check "a long run is at work" at_work "$slow"
hook github app-newest newest-2
steps 'RUN echo quick'
commit src/a quick quick
check "the newer commit is built" ends app-newest "$sha" Succeeded
check "the older run was canceled" ends app-newest "$slow" Canceled

echo "--- a pull request from a fork"
check "a task with a secret is created" create app-pulls --pull-request-trigger-enabled true --secret-arg TOKEN=s3cret-4242
hook github app-pulls pulls-1
# shellcheck disable=SC2016
steps 'RUN echo "the token has $(printf %s "$TOKEN" | wc -c) characters"'
commit src/a ours ours
check "a push has the secret" ends app-pulls "$sha" Succeeded
check "as the step saw" grep -q 'the token has 11 characters' <("$bin/slipway" logs "$(runs_of app-pulls "$sha" | cut -d' ' -f1)")
hook '' none ''
echo theirs >"$work/clone/src/a"
in_clone commit -qam theirs
theirs=$(in_clone rev-parse HEAD)
in_clone push -q origin HEAD:refs/pull/7/head
in_clone reset -q --hard HEAD~1
body=$(jq -c --arg sha "$theirs" --arg repository "$repository" '.pull_request.head.sha = $sha | .repository.clone_url = $repository' \
  "$tools/../../data/webhooks/github_pull_request_fork.json")
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac "$(cat "$work/secret.app-pulls")" -r | cut -d' ' -f1)
check "the fork's pull request is taken" [ "$(post -H 'X-GitHub-Event: pull_request' -H "X-Hub-Signature-256: sha256=$signature" \
  -d "$body" "http://$http/webhooks/git/app-pulls")" = 202 ]
check "its commit is built" ends app-pulls "$theirs" Succeeded
check "without the secret" grep -q 'the token has 0 characters' <("$bin/slipway" logs "$(runs_of app-pulls "$theirs" | cut -d' ' -f1)")

echo "--- the daemon is killed between the receipt and the run"
hook '' none ''
steps 'RUN echo after the crash'
commit src/b crash crash
kill -STOP "$git_pid" # bitbucket names no paths, and the repository does not answer
check "a webhook is taken" [ "$("$tools/send_webhook.sh" bitbucket "http://$http/webhooks/git/app-paths" "$(cat "$work/secret.app-paths")" crash-1 \
  "$repository" "$(in_clone rev-parse HEAD~1)" "$sha" refs/heads/main crash)" = 202 ]
check "and has made no run yet" [ -z "$(runs_of app-paths "$sha")" ]
kill_daemon
kill -CONT "$git_pid"
start_it
check "the next daemon makes its run, once" ends app-paths "$sha" Succeeded
check "and says so" verdict app-paths Run

echo "--- a receiver of notifications"
told() { # TASK COMMIT EVENT: how often
  jq -s --arg task "$1" --arg sha "$2" --arg event "org.slipway.$3" \
    'map(select(.genuine and .event.type == $event and .event.data.task == $task and .event.data.trigger.commit == $sha)) | length' "$work/told"
}
check "it is told that a run began" comes_to 1 told app-github "$github_sha" run.started
check "that an image was pushed" comes_to 1 told app-github "$github_sha" image.pushed
check "that a run has ended" comes_to 1 told app-github "$github_sha" run.finished
check "as CloudEvents" silently jq -se 'all(.genuine and (.content | startswith("application/cloudevents+json")) and .event.specversion == "1.0")' "$work/told"
kill "$receiver_pid"
wait "$receiver_pid" 2>/dev/null || true
hook github app-github while-away
commit src/a away 'while it is away'
check "while it is away a run ends" ends app-github "$sha" Succeeded
check "it is not told" [ "$(told app-github "$sha" run.finished)" = 0 ]
waiting() { "$bin/slipway" notifications list -o json | jq '[.[] | select(.state == "Pending")] | length'; }
check "what it is to be told waits" comes_to '[1-9]*' waiting
kill_daemon
start_receiver
start_it
check "the next daemon tells it" comes_to 1 told app-github "$sha" run.finished
check "all of it" comes_to 1 told app-github "$sha" image.pushed

echo "--- a flood"
python3 "$tools/flood.py" "${http%:*}" "${http#*:}" 6 1200 >"$work/flood.json" &
flood=$!
calls=0
slowest=0
while kill -0 "$flood" 2>/dev/null; do
  begin=$(date +%s%N)
  "$bin/slipway" runs --top 5 >/dev/null || { calls=-1; break; }
  took=$((($(date +%s%N) - begin) / 1000000))
  [ $took -le $slowest ] || slowest=$took
  calls=$((calls + 1))
done
wait "$flood"
echo "      | refused: $(cat "$work/flood.json"); meanwhile $calls calls were answered, the slowest in $slowest ms"
check "calls are answered meanwhile" [ "$calls" -gt 0 ]
check "none of it was let in" silently jq -e '.answers | has("200") or has("202") | not' "$work/flood.json"
refused() { "$bin/slipway" task deliveries --top 1000 -o json | jq '[(if type == "array" then . else .deliveries end)[] | select(.verdict == "Refused")] | length'; }
check "and few of it is recorded" [ "$(refused)" -lt 30 ]
hook github app-github after
commit src/a after after
check "a push is taken afterwards" answered 202
check "and built" ends app-github "$sha" Succeeded

done_with_checks
