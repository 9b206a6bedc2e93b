#!/bin/bash
# Task files through the real programs: rendering, running, what is shown of a run, what is refused.
#   tasks.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
export SECRET_FOR_TASKS=hunter2-of-the-task
start_daemon --secrets-environment SECRET_FOR_TASKS

run() { timeout 300 "$bin/slipway" run --progress plain "$@" >"$work/out" 2>&1; }
run_fails_with() { # PATTERN run arguments
  local pattern=$1
  shift
  if run "$@"; then return 1; fi
  says "$pattern" || { sed 's/^/      | /' "$work/out" | tail -n 8; return 1; }
}
run_id() { sed -n 's/^Queued a run with ID: //p' "$work/out"; }

app=$work/app
mkdir -p "$app"
cp /bin/busybox "$app/busybox"
cat >"$app/Dockerfile" <<'D'
FROM scratch
COPY busybox /bin/sh
COPY busybox /bin/cat
COPY busybox /bin/echo
CMD ["/bin/sh"]
D
cat >"$app/acb.yaml" <<'Y'
version: v1.1.0
# {{ .Values.never.looked.at }}
alias:
  values:
    image: app:{{.Run.ID}}
steps:
  - build: -t $image .
  - id: write
    cmd: $image sh -c 'echo {{ .Values.word | upper }} > note; echo written by $0'
  - id: read
    cmd: $image cat note
  - id: cleanup
    cmd: $image echo cleaned up
    runOn: always
  - push: ["$image"]
    when: [read]
Y
check "a task builds, runs what it has built, and pushes it" run --set word=hello "$app"
id=$(run_id)
check "a file of one step is there for the next" says '\[read\] HELLO'
check "the image is in the registry" [ -n "$(digest_of "app:$id")" ]
check "show has a table of the steps" bash -c "'$bin/slipway' show $id | grep -qE '^write +cmd +successful +[0-9TZ:-]+ +0 +1 '"
check "show has the dependencies" bash -c "'$bin/slipway' show $id | grep -q 'Dependencies:'"
check "show as JSON has them, too" bash -c "'$bin/slipway' show -o json $id | python3 -c '
import json, sys
run = json.load(sys.stdin)
assert run[\"runType\"] == \"QuickRun\"
assert [s[\"status\"] for s in run[\"steps\"]] == [\"successful\"] * 5, run[\"steps\"]
assert run[\"steps\"][1][\"exitCode\"] == 0'"
check "the log of one step has no other's lines" bash -c "'$bin/slipway' logs --step read $id | tee '$work/out' | grep -q '^HELLO'"
check "  (and not those of another)" bash -c "! grep -q 'cleaned up' '$work/out'"
check "a step that is not there" bash -c "! '$bin/slipway' logs --step nine $id 2>'$work/out'"
check "  is said to be none" says "has no step 'nine'"

check "a dry run" run --dry-run --set word=hi "$app"
check "prints the file as it is rendered" says "echo HI > note"
check "and the steps with what they wait for" says '^cleanup +cmd +read +always'

# What is wrong is refused with its place, before anything runs.
printf 'steps:\n  - cmd: img echo a | tee b\n' >"$work/pipe.yaml"
check "a pipe is refused" run_fails_with "pipe.yaml:2:10: .*'\|' is for a shell" -f "$work/pipe.yaml" /dev/null
printf 'steps:\n  - cmd: img\n    tiemout: 3\n' >"$work/key.yaml"
check "an unknown key with --strict" run_fails_with "key.yaml:3:5: 'tiemout' .*did you mean 'timeout'" --strict \
  -f "$work/key.yaml" /dev/null
check "a task file that is not there" run_fails_with "'no.yaml' is neither in" -f no.yaml "$app"
check "--file and --cmd together" run_fails_with "excludes" -f acb.yaml --cmd x "$app"

# Failure: the run and its exit code, the clean-up, nothing pushed.
cat >"$work/fail.yaml" <<Y
version: v1.1.0
steps:
  - build: -t fail:v1 .
  - {id: test, cmd: "fail:v1 sh -c 'exit 3'"}
  - {id: push, push: ["fail:v1"]}
  - {id: tell, cmd: "fail:v1 echo told", runOn: failure}
Y
check "a step that fails ends the run" run_fails_with "Run ID: .* failed after" -f "$work/fail.yaml" "$app"
check "what is for a failure runs" says '\[tell\] told'
id=$(run_id)
check "its exit code is shown" bash -c "'$bin/slipway' show $id | grep -qE '^test +cmd +failed +[0-9TZ:-]+ +3 +1 '"
check "nothing was pushed" bash -c "! skopeo inspect --tls-verify=false docker://$registry/fail:v1 >/dev/null 2>&1"

# Secrets: from the daemon's environment and from the command line; in no log and in no file of the state.
cat >"$work/secret.yaml" <<'Y'
version: v1.1.0
secrets:
  - {id: word, keyvault: env:SECRET_FOR_TASKS}
volumes:
  - name: s
    secret:
      word: {{ .Secrets.word | b64enc }}
steps:
  - build: -t secret:v1 .
  - id: show
    cmd: secret:v1 sh -c 'cat /s/word; echo; echo {{ .Values.pass }}; echo end'
    volumeMounts: [{name: s, mountPath: /s}]
Y
check "a task with secrets" run -f "$work/secret.yaml" --set-secret pass=opensesame1 "$app"
check "  whose values are masked" says '\*\*\*'
check "  in all of the log" bash -c "! grep -E 'hunter2-of-the-task|opensesame1' '$work/out'"
check "  and in all of the state" bash -c "! grep -rlE 'hunter2-of-the-task|opensesame1' '$work/state'"
unset SECRET_FOR_TASKS

check "--cmd runs one command" run_fails_with "no-such-image" --cmd "$registry/no-such-image:v1 echo hi" /dev/null
# A cache in the registry: what one daemon has built is known to another.
mkdir -p "$work/cached"
cp /bin/busybox "$work/cached/busybox"
printf 'FROM scratch\nCOPY busybox /bin/sh\nRUN echo made > /made\n' >"$work/cached/Dockerfile"
cat >"$work/cached/acb.yaml" <<'Y'
version: v1.1.0
steps:
  - id: make
    build: -t cached:{{.Run.ID}} .
    cache: enabled
Y
check "a step with a cache" run "$work/cached"
check "  which is in the registry beside its image" curl -fsS -o /dev/null -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
  "http://$registry/v2/cached/manifests/cache_quickrun_make"
check "  names it in the log" says 'importing cache from .*/cached:cache_quickrun_make'
kill -TERM "$daemon_pid"
wait "$daemon_pid" || true
rm -rf "$work/state"
start_daemon
check "a daemon that has built nothing" run "$work/cached"
check "  knows the steps by it" bash -c "'$bin/slipway' show --cache $(run_id) | grep -qi 'imported'"

check "standard input" bash -c "printf 'steps: []\n' | timeout 60 '$bin/slipway' run --progress plain -f - /dev/null >'$work/out' 2>&1"

done_with_checks
