#!/bin/bash
# Base images that move: told by a real registry, by runs of the daemon itself, and by looking; chains; rebases.
#   base_update.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
http_port=$(free_port)
start_registry "notifications:
  endpoints:
    - name: slipway
      url: http://127.0.0.1:$http_port/webhooks/registry
      headers: {Authorization: [Bearer t0ken]}
      timeout: 2s
      threshold: 5
      backoff: 200ms"
echo t0ken >"$work/token"
start_daemon --http-listen "127.0.0.1:$http_port" --registry-token-file "$work/token" --base-poll-interval 0

# A base that is pushed by others: by skopeo, from a layout.
push_base() { # VERSION
  mkdir -p "$work/base"
  echo "$1" >"$work/base/version"
  cp /bin/busybox "$work/base/busybox"
  printf 'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/cat\nCOPY version /etc/version\nENV BASE=%s\nLABEL base=%s\n' "$1" "$1" \
    >"$work/base/Dockerfile"
  rm -rf "$work/base.oci"
  build --output "type=oci,dest=$work/base.oci,tar=false" "$work/base" &&
    skopeo copy --dest-tls-verify=false "oci:$work/base.oci" "docker://$registry/base:v1" >"$work/out" 2>&1
}
repository() { # NAME DOCKERFILE: a git repository with a file and a Dockerfile
  git init -q -b main "$work/$1"
  echo "files of $1" >"$work/$1/file"
  printf '%b' "$2" >"$work/$1/Dockerfile"
  git -C "$work/$1" add .
  git -C "$work/$1" -c user.name=t -c user.email=t@example.com commit -qm first
}
make_task() { # NAME [options]
  local name=$1
  shift
  "$bin/slipway" task create -n "$name" -t "$registry/$name:v1" --context "file://$work/$name#main" -f Dockerfile \
    --commit-trigger-enabled false "$@" >"$work/out" 2>&1
}
run_task() { "$bin/slipway" task run -n "$1" >"$work/out" 2>&1; }
runs_of() { "$bin/slipway" task list-runs -n "$1" -o json; }
succeeded() { runs_of "$1" | jq '[.[] | select(.status == "Succeeded")] | length'; }
await_runs() { # NAME COUNT
  for _ in $(seq 300); do [ "$(succeeded "$1")" -ge "$2" ] && return; sleep 0.1; done
  runs_of "$1"
  return 1
}
label() { skopeo inspect --tls-verify=false "docker://$registry/$1:v1" | jq -r ".Labels.$2"; }
log_of_last() { "$bin/slipway" logs "$(runs_of "$1" | jq -r '.[0].runId')"; }

push_base one
repository middle "FROM $registry/base:v1\nRUN echo middle > /middle\n"
repository application "FROM $registry/middle:v1\nCOPY file /file\n"
repository linked "FROM $registry/base:v1\nCOPY --link file /app/\nWORKDIR /app\nLABEL on=\$BASE\nENTRYPOINT [\"/bin/sh\"]\n"
for name in middle application; do check "task $name is made" make_task $name; done
check "task linked is made" make_task linked --rebase whenSafe
for name in middle application linked; do check "task $name runs" run_task $name; done

push_base two
check "the registry tells, and middle is built on the new base" await_runs middle 2
check "and then what stands on middle" await_runs application 2
check "the last one has the new base below" [ "$(label application base)" = two ]
check "and the linked image is on it" await_runs linked 2
check "as its label says" [ "$(label linked base)" = two ]
log_of_last linked >"$work/out"
check "by a rebase" says 'base .*/base:v1: sha256:[0-9a-f]+ -> sha256:'
check "for which nothing was built" [ "$(grep -c 'load build context' "$work/out")" -eq 0 ]
rebased=$(digest_of linked:v1)
check "the same is built" run_task linked
check "and is the same image, to the byte" [ "$(digest_of linked:v1)" = "$rebased" ]
"$bin/slipway" run --cmd "$registry/linked:v1 -c 'cat /app/file /etc/version'" /dev/null >"$work/out" 2>&1 || true
check "which runs, on the new base" says "] two$"
check "with its own files" says "files of linked"


# The same digest again, and a tag that nobody stands on.
skopeo copy --dest-tls-verify=false "oci:$work/base.oci" "docker://$registry/base:v1" >/dev/null
skopeo copy --dest-tls-verify=false "oci:$work/base.oci" "docker://$registry/base:other" >/dev/null
check "an image of the daemon's own" build -t "$registry/unrelated:v1" "$work/base"
check "one change makes one run" [ "$(succeeded middle) $(succeeded application)" = "2 2" ]

# Without the token nothing is listened to.
code() { curl -s -o /dev/null -w '%{http_code}' "$@" "http://127.0.0.1:$http_port/webhooks/registry"; }
check "a notification without token is refused" [ "$(code -d '{"events":[]}')" = 401 ]
check "one with another token too" [ "$(code -H 'Authorization: Bearer no' -d '{"events":[]}')" = 401 ]
check "what no registry sends is refused" [ "$(code -H 'Authorization: Bearer t0ken' -d '{}')" = 400 ]

# A daemon that was down when the base moved, and is told by nobody.
kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
start_daemon --base-poll-interval 1
push_base three
check "the new base is found by looking" await_runs middle 3
check "and goes up the chain" await_runs application 3
check "to the last" [ "$(label application base)" = three ]

done_with_checks
