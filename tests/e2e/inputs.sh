#!/bin/bash
# What a build is given besides its context: secrets, SSH agents, named contexts, limits, permissions.
#   inputs.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon --allow-host-network --allow-insecure-security

base=$work/base
mkdir -p "$base"
cp /bin/busybox "$base/busybox"
cat >"$base/Dockerfile" <<'D'
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
COPY <<etc/passwd /etc/passwd
root:x:0:0:root:/root:/bin/sh
etc/passwd
D
sed -i 's/^COPY <<.*/COPY <<EOF \/etc\/passwd/; s/^etc\/passwd$/EOF/' "$base/Dockerfile"
check "the base is built" build -t base "$base"

context=$work/context
mkdir -p "$context"
dockerfile() { cat >"$context/Dockerfile"; }
run_of() { grep -oE 'build with ID: [a-z0-9]+' "$1" | grep -oE '[a-z0-9]+$'; }

# --- secrets: seen by the step, and nowhere else
value=hush-$(openssl rand -hex 12)
printf '%s\nsecond-%s\n' "$value" "$value" >"$work/token"
export E2E_SECRET=env-$value
dockerfile <<D
FROM $registry/base
RUN --mount=type=secret,id=token,required sha256sum </run/secrets/token >/sum && stat -c '%a %u %g' /run/secrets/token >>/sum
RUN --mount=type=secret,id=token,target=/etc/tok,mode=0440,uid=7,gid=8 stat -c '%a %u %g' /etc/tok >/stat
RUN --mount=type=secret,id=E2E_SECRET,env=TOKEN printf %s "\$TOKEN" | wc -c >/length
RUN --mount=type=secret,id=token cat /run/secrets/token; echo "<\$(head -n 1 /run/secrets/token)>"
RUN --mount=type=secret,id=token,required mount | grep /run/secrets/token >/mounted
RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent
RUN test ! -e /run/secrets && echo clean >/clean
CMD ["/bin/sh"]
D
# While the steps run, the machine's process list is looked at again and again.
(while :; do ps axww -o args; done) >"$work/ps" 2>&1 &
watcher=$!
check "a build with secrets" \
  build -t secret:v1 --secret "id=token,src=$work/token" --secret id=E2E_SECRET "$context"
kill "$watcher"; wait "$watcher" 2>/dev/null || true
check "the log shows stars" says '\*\*\*'
check "the log does not show the secret" eval '! grep -qF "$value" "$work/out"'
check "the log does not show a line of it in other words" eval '! grep -qF "<hush" "$work/out"'
check "no process shows it" eval '! grep -vF grep "$work/ps" | grep -qF "$value"'
run=$(run_of "$work/out")
"$bin/slipway" show "$run" -o json >"$work/show.json"
check "the run names the secret" grep -q '"token"' "$work/show.json"
check "the API does not return it" eval '! grep -qF "$value" "$work/show.json" && ! grep -qF "$(base64 -w0 "$work/token" | head -c 24)" "$work/show.json"'
check "the daemon's own log does not have it" eval '! grep -qF "$value" "$work/slipwayd.log"'
# All that is on disk: databases, logs, contents, layers, the registry. Layers and contents may be compressed, so they are
# looked through unpacked as well.
check "no file of the daemon has it" eval '! grep -rqF "$value" "$work/state"'
check "no file of the registry has it" eval '! grep -rqF "$value" "$work/registry"'
check "the client's cache does not have it" eval '! grep -rqF "$value" "$work/cache"'
skopeo copy -q --src-tls-verify=false "docker://$registry/secret:v1" "oci:$work/image:v1"
for blob in "$work"/image/blobs/sha256/*; do
  { zcat "$blob" 2>/dev/null || cat "$blob"; } >>"$work/image.bytes"
done
check "no layer or config of the image has it" eval '! grep -qaF "$value" "$work/image.bytes"'
check "the image has what was made of it" grep -qaF "$(sha256sum <"$work/token" | cut -c1-64)" "$work/image.bytes"
check "a secret's file is 0400 of root" grep -qaF "400 0 0" "$work/image.bytes"
check "mode and owner can be chosen" grep -qaF "440 7 8" "$work/image.bytes"
check "a secret is in memory" grep -qaF "on /run/secrets/token type tmpfs" "$work/image.bytes"
check "nothing of it is left mounted" eval '! grep -q /lent/ /proc/self/mountinfo'

check "another value changes nothing that is cached" \
  build -t secret:v2 --secret "id=token,src=/dev/null" --secret id=E2E_SECRET "$context"
check "all steps are cached" says 'Cached ([0-9]+) of \1 steps'

dockerfile <<D
FROM $registry/base
RUN --mount=type=secret,id=none,required true
D
check "a required secret that is not given" fails_with "secret 'none': not found" -t x "$context"
check "a secret's file that is not there" fails_with "secret 'a': .*nothing-there" --secret "id=a,src=$work/nothing-there" "$context"
check "a secret without id" fails_with "there is no id" --secret "src=$work/token" "$context"
check "an unknown key" fails_with "unknown key 'sorce'.*did you mean 'source'" --secret "id=a,sorce=b" "$context"

# --- named contexts
mkdir -p "$work/other/d"
echo other >"$work/other/f"
echo hidden >"$work/other/d/hidden"
echo d >"$work/other/.dockerignore"
echo main >"$context/f"
dockerfile <<D
FROM $registry/base AS dep
RUN exit 1
FROM $registry/base
COPY --from=dep f /f
COPY f /g
RUN --mount=from=other,target=/o test -f /o/f && test ! -e /o/d && cat /f /g >/both
D
check "folders in place of a stage and as a mount" \
  build -t named:v1 --build-context "dep=$work/other" --build-context "other=$work/other" "$context"
check "they were sent" says "Sent context 'other'"
check "the same again" build -t named:v1 --build-context "dep=$work/other" --build-context "other=$work/other" "$context"
check "sends nothing" eval '! says "Sent context"'
dockerfile <<D
FROM alpine
RUN test -x /bin/busybox && echo yes >/yes
D
check "an image in place of another" build -t named:v2 --build-context "alpine=docker-image://$registry/base" "$context"
skopeo copy -q --src-tls-verify=false "docker://$registry/base" "oci:$work/layout:v7"
check "an OCI layout in place of an image" \
  build -t named:v3 --no-cache --build-context "docker.io/library/alpine:latest=oci-layout://$work/layout:v7" "$context"
check "one image needs no tag" build -t named:v4 --build-context "alpine=oci-layout://$work/layout" "$context"
kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
rm -rf "$work/state"
start_daemon --allow-host-network --allow-insecure-security
check "a fresh daemon gets the layout again" \
  build -t "named:v5" --build-context "alpine=oci-layout://$work/layout@$(jq -r '.manifests[0].digest' "$work/layout/index.json")" "$context"
git init -q -b main "$work/repo"
echo repo >"$work/repo/f"
git -C "$work/repo" -c user.name=t -c user.email=t@localhost add f
git -C "$work/repo" -c user.name=t -c user.email=t@localhost commit -q -m one
dockerfile <<D
FROM scratch
COPY --from=src f /f
D
check "a repository" build -t named:v6 --build-context "src=file://$work/repo/.git#main" "$context"
check "a folder that is not there" fails_with "build context '.*gone' is not there" --build-context "a=$work/gone" "$context"

# --- limits and permissions
dockerfile <<D
FROM $registry/base
RUN ulimit -n >/n; df -k /dev/shm | awk 'NR==2{print \$2}' >/shm; grep ip6 /etc/hosts >/hosts
RUN test "\$(cat /n) \$(cat /shm)" = "1062 32768" && grep -q '^fd00::7' /hosts
D
check "limits and hosts" \
  build -t limits --ulimit nofile=1062:1062 --shm-size 32m --add-host 'ip6:[fd00::7]' "$context"
check "host-gateway" fails_with "host-gateway is not supported" --add-host h:host-gateway "$context"
check "an unknown limit" fails_with "no limit 'nofle'; did you mean 'nofile'" --ulimit nofle=1 "$context"
check "cgroup-parent" fails_with "cgroup-parent is not supported" --cgroup-parent x "$context"
dockerfile <<D
FROM $registry/base
RUN --security=insecure grep CapEff /proc/self/status
RUN --network=host true
D
check "an insecure step that was not allowed" fails_with "security.insecure.*--allow security.insecure" "$context"
check "an insecure step that was allowed" build --allow security.insecure,network.host "$context"

# --- SSH agents
mkdir -p "$work/ssh"
ssh-keygen -q -t ed25519 -N "" -C e2e-key -f "$work/ssh/key"
ssh-keygen -q -t ed25519 -N secret -f "$work/ssh/locked"
chmod 0644 "$work/ssh/key"
# An image with OpenSSH's own client of agents.
mkdir -p "$work/tools/root/bin"
cp "$(command -v ssh-add)" "$work/tools/root/bin/"
ldd "$(command -v ssh-add)" | grep -o '/[^ ]*' | while read -r lib; do
  mkdir -p "$work/tools/root$(dirname "$lib")"
  cp -L "$lib" "$work/tools/root$lib"
done
printf 'FROM %s/base\nCOPY root /\n' "$registry" >"$work/tools/Dockerfile"
check "an image with ssh-add is built" build -t tools "$work/tools"
dockerfile <<D
FROM $registry/tools
RUN --mount=type=ssh,required ssh-add -l >/list && grep e2e-key /list
RUN --mount=type=ssh,required if ssh-add -D; then exit 1; fi
RUN --mount=type=ssh,id=default,target=/my/sock,mode=0741,uid=100 stat -c '%a %u %g' /my/sock | grep '741 100 0'
RUN --mount=type=ssh,id=other test "\$SSH_AUTH_SOCK" = /run/buildkit/ssh_agent.0 && test ! -e "\$SSH_AUTH_SOCK"
RUN test -z "\$SSH_AUTH_SOCK" && test ! -e /run/buildkit
D
check "an agent is forwarded: keys given as a file" build --no-cache --ssh "default=$work/ssh/key" "$context"
eval "$(ssh-agent -a "$work/ssh/agent")" >/dev/null
pids+=("$SSH_AGENT_PID")
chmod 0600 "$work/ssh/key"
ssh-add -q "$work/ssh/key"
check "an agent is forwarded: the user's own" build --no-cache --ssh default "$context"
check "it has its key still" eval 'ssh-add -l | grep -q e2e-key'
check "an agent that is required and not forwarded" fails_with "no SSH agent 'default' is forwarded" --no-cache "$context"
check "a key with a passphrase" fails_with "passphrase" --ssh "default=$work/ssh/locked" "$context"
check "an agent and no waiting" fails_with "leave --no-wait away" --no-wait --ssh default "$context"
# Git over SSH, by the user's agent: ADD, a named context, and the context itself.
port=$(free_port)
ssh-keygen -q -t ed25519 -N "" -f "$work/ssh/host"
cp "$work/ssh/key.pub" "$work/ssh/authorized"
mkdir -p /run/sshd
/usr/sbin/sshd -D -e -f /dev/null -p "$port" -h "$work/ssh/host" -o "AuthorizedKeysFile $work/ssh/authorized" \
  -o "StrictModes no" -o "UsePAM no" -o "PidFile none" -o "ListenAddress 127.0.0.1" 2>"$work/sshd.log" &
pids+=($!)
repo=ssh://root@127.0.0.1:$port$work/repo/.git
for _ in $(seq 100); do ssh-keyscan -p "$port" 127.0.0.1 >/dev/null 2>&1 && break; sleep 0.1; done
dockerfile <<D
FROM scratch
ADD $repo#main /added/
COPY --from=src f /copied
D
check "repositories over SSH" build --ssh default --build-context "src=$repo#main" "$context"
check "and not without an agent" fails_with "ssh://root@127.0.0.1" --no-cache --build-context "src=$repo#main" "$context"
printf 'FROM scratch\nCOPY f /f\n' >"$work/repo/Dockerfile"
git -C "$work/repo" add Dockerfile
git -C "$work/repo" -c user.name=t -c user.email=t@localhost commit -q -m two
check "a context over SSH" build --ssh "default=$work/ssh/key" "$repo#main"

# A client that is killed: the step that asks next is told.
gate_port=$(free_port)
dockerfile <<D
FROM $registry/tools
RUN --mount=type=ssh,required --network=host ssh-add -l; until nc 127.0.0.1 $gate_port </dev/null; do sleep 0.1; done; ssh-add -l
D
"$bin/slipway" build --allow network.host --ssh default --progress plain "$context" >"$work/killed" 2>&1 &
client=$!
for _ in $(seq 600); do grep -q 'e2e-key' "$work/killed" && break; sleep 0.1; done
run=$(run_of "$work/killed")
kill -KILL "$client"
wait "$client" 2>/dev/null || true
python3 -c "import socket; s = socket.create_server(('127.0.0.1', $gate_port)); s.settimeout(60); s.accept()"
"$bin/slipway" logs -f "$run" >"$work/out" 2>&1 || true
check "a client that is gone is told as such" says "SSH agent 'default' cannot be reached: the client that forwards it is not connected"

done_with_checks
