#!/bin/bash
# Logins for all runs through the real programs: a registry that asks for one and a git host behind basic auth; bases, pushes,
# caches, task files, stored tasks, moved bases; a task's own login goes before; the Docker credential file comes after.
#   credentials.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
tools=$(cd "$(dirname "$0")/hooks" && pwd)
start_registry
hush="hush-$(head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n')"

# A registry with three users, of whom the daemon is told by three ways.
private=127.0.0.1:$(free_port)
for user in ada bob cyn; do htpasswd -nbB -C 4 "$user" "$hush-$user"; done | grep . >"$work/htpasswd"
cat >"$work/private.yml" <<Y
version: 0.1
log: {level: info}
storage: {filesystem: {rootdirectory: $work/private}, delete: {enabled: true}}
http: {addr: "$private"}
auth: {htpasswd: {realm: test, path: $work/htpasswd}}
Y
docker-registry serve "$work/private.yml" >"$work/private.log" 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$private/v2/")" = 401 ] && break; sleep 0.05; done
users() { tail -n "+$((marked + 1))" "$work/private.log" | sed -nE 's/.*auth\.user\.name="?([a-z]+).*/\1/p' | sort -u | xargs; }
mark_private() { marked=$(wc -l <"$work/private.log"); }
put() { skopeo copy -q --dest-creds "ada:$hush-ada" --dest-tls-verify=false "dir:$1" "docker://$private/$2"; }

# A git host that asks for a login, with a repository that has another as its submodule.
git_port=$(free_port)
git_host=127.0.0.1:$git_port
mkdir -p "$work/git/org"
GIT_HTTP_AUTH="git-user:$hush-git" python3 "$tools/git_http.py" "$git_port" "$work/git" 2>>"$work/git.err" &
pids+=($!)
for _ in $(seq 200); do curl -s -o /dev/null "http://$git_host/none" && break; sleep 0.05; done
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0
commit() { git -C "$1" add -A && git -C "$1" -c user.name=a -c user.email=a@b commit -qm "$2"; }
git init -q -b main "$work/lib" && echo library >"$work/lib/lib.txt" && commit "$work/lib" first
git clone -q --bare "$work/lib" "$work/git/org/lib.git"
git init -q -b main "$work/app"
printf 'FROM %s/base:v1\nCOPY app.txt lib/lib.txt /\n' "$private" >"$work/app/Dockerfile"
echo app >"$work/app/app.txt"
printf '[submodule "lib"]\n\tpath = lib\n\turl = ../lib.git\n' >"$work/app/.gitmodules"
git -C "$work/app" add -A
git -C "$work/app" update-index --add --cacheinfo "160000,$(git -C "$work/lib" rev-parse HEAD),lib"
git -C "$work/app" -c user.name=a -c user.email=a@b commit -qm first
git clone -q --bare "$work/app" "$work/git/org/app.git"
repository=http://$git_host/org/app.git

credential() { "$bin/slipway" credential "$@" >"$work/out" 2>"$work/err"; }
refused() { # PATTERN credential arguments: the command must fail and say so
  local pattern=$1
  shift
  if credential "$@"; then return 1; fi
  grep -qE -- "$pattern" "$work/err" || { sed 's/^/      | /' "$work/err" | tail -n 5; return 1; }
}
start_it() { start_daemon --base-poll-interval 1 "$@"; }
stop_daemon() { kill -TERM "$daemon_pid"; wait "$daemon_pid" || true; daemon_pid=; }
start_it

# A base in the private registry, made here.
mkdir -p "$work/base"
printf 'FROM scratch\nCOPY one /one\n' >"$work/base/Dockerfile"
echo one >"$work/base/one"
check "a push without a login fails" fails_with "credential|unauthor|login" -t "$private/base:v1" "$work/base"
check "a login is set" credential set "$private" -u ada --password-stdin <<<"$hush-ada"
mark_private
check "and is used for a push" build -t "$private/base:v1" "$work/base"
check "by its user" [ "$(users)" = ada ]
check "it is listed without its password" credential list
check "with host, kind and user" grep -qE "^$private +registry +ada " "$work/out"
check "a host must be one" refused "is no host of a registry" set "$private/team" -u ada --password-stdin <<<"$hush"
check "a password must be one that can be hidden" refused "cannot be hidden" set "$private" -u ada --password-stdin <<<"ab"

# Git.
check "a repository behind a login is not read without" fails_with "credentials" -t "$private/app:v1" "$repository"
check "a token of a git host is set" credential set "$git_host" --kind git -u git-user --password-stdin <<<"$hush-git"
check "then it is read, with its submodule, on a private base" build -t "$private/app:v1" "$repository"

# Caches and task files.
check "a cache is exported there" build --cache-to "type=registry,ref=$private/app:cache,mode=max" --no-cache -t "$private/app:v2" "$repository"
check "and imported" build --cache-from "$private/app:cache" -t "$private/app:v3" "$repository"
check "without a warning" bash -c '! grep -q "is not used" "$0"' "$work/out"
cat >"$work/acb.yaml" <<Y
version: v1.1.0
steps:
  - build: -t $private/stepped:v1 .
  - push: ["$private/stepped:v1"]
Y
check "a task file of a private repository" bash -c '"$0" run --progress plain -f "$1" "$2" >"$3" 2>&1' "$bin/slipway" "$work/acb.yaml" "$repository" "$work/out"

# From a secret.
"$bin/slipway" secret set registry-password - <<<"$hush-bob" >/dev/null
check "a password may be a secret of the daemon" credential set "$private" -u bob --from-secret registry-password
mark_private
check "which is read when it is needed" build --no-cache -t "$private/base:bob" "$work/base"
check "by that user" [ "$(users)" = bob ]
check "one that is not there is refused" refused "no secret 'registry-pasword'; did you mean" set "$private" -u bob --from-secret registry-pasword
check "one that is used is not removed" bash -c '! "$0" secret delete registry-password 2>"$1" && grep -qF "$2" "$1"' "$bin/slipway" "$work/err" "$private"

# A stored task: its own login goes before, for its runs and for looking its base up.
check "a task with a login of its own" "$bin/slipway" task create -n own-task -c "$repository" -f Dockerfile -t "$private/own:v1" \
  --commit-trigger-enabled false -o none
"$bin/slipway" task credential add -n own-task --login-server "$private" -u cyn -p "$hush-cyn" >/dev/null
mark_private
check "runs with it" bash -c '"$0" task run -n own-task >"$1" 2>&1' "$bin/slipway" "$work/out"
check "and with no other" [ "$(users)" = cyn ]
check "for all there is none any more" credential delete "$private"
skopeo copy -q --src-creds "ada:$hush-ada" --src-tls-verify=false "docker://$private/base:v1" "dir:$work/base-image"
echo two >"$work/base/one"
build -t moved:v1 "$work/base" || { cat "$work/out"; exit 1; }
skopeo copy -q --src-tls-verify=false "docker://$registry/moved:v1" "dir:$work/moved-image"
put "$work/moved-image" base:v1
moved() { "$bin/slipway" task list-runs -n own-task -o json | jq '[.[] | select(.status == "Succeeded")] | length'; }
for _ in $(seq 300); do [ "$(moved)" -ge 2 ] && break; sleep 0.2; done
check "its base is looked up with it, and rebuilt from" [ "$(moved)" -ge 2 ]

# The Docker credential file comes last.
check "without any login a push fails" fails_with "credential|unauthor|login" -t "$private/none:v1" "$work/base"
stop_daemon
mkdir -p "$work/docker"
printf '{"auths": {"%s": {"auth": "%s"}}}' "$private" "$(printf 'bob:%s' "$hush-bob" | base64 -w0)" >"$work/docker/config.json"
start_it --docker-config "$work/docker"
mark_private
check "the credential file is used where there is none" build -t "$private/file:v1" "$work/base"
check "by its user" bash -c '[[ " $0 " == *" bob "* ]]' "$(users)"
check "a login for all goes before it" credential set "$private" -u ada --password-stdin <<<"$hush-ada"
"$bin/slipway" task delete -n own-task -y >/dev/null 2>&1
mark_private
check "and is used" build --no-cache -t "$private/file:v2" "$work/base"
check "by its user" [ "$(users)" = ada ]

# In no file but sealed, and with the next key as with this one.
leaks() { grep -rlaF "$hush" "$work/state" "$work/slipwayd.log" 2>/dev/null || true; }
stop_daemon
check "no password lies about" [ -z "$(leaks)" ]
check "the key is exchanged" "$bin/slipwayd" --root "$work/state" --rotate-key
start_it
check "logins are there with the new one" build --no-cache -t "$private/key:v1" "$repository"

done_with_checks
