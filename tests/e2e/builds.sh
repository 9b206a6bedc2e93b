#!/bin/bash
# Builds through the real programs, judged by the registry's access log and by skopeo.
#   builds.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

hello=$work/hello
mkdir -p "$hello/d"
cp /bin/busybox "$hello/busybox"
echo one >"$hello/d/one"
cat >"$hello/Dockerfile" <<'D'
FROM scratch
COPY busybox /bin/sh
COPY d /d
RUN echo built > /built
CMD ["/bin/sh"]
D
check "an image is built and pushed" build -t hello:v1 "$hello"
first=$(digest_of hello:v1)

# The same again: nothing runs, no file byte is sent, no blob is pushed.
mark
check "the same again succeeds" build -t hello:v1 "$hello"
check "all steps are cached" says "Cached 3 of 3 steps"
check "no file byte is sent" says "Context is unchanged .*nothing to send"
check "no blob is uploaded" [ "$(requests 'POST|PATCH|PUT' /blobs/)" -eq 0 ]
check "no manifest is put" [ "$(requests PUT /manifests/)" -eq 0 ]
check "the digest is the same" [ "$(digest_of hello:v1)" = "$first" ]

# On a base that is in the target registry: its layers are neither pushed nor unpacked, and read once for their index.
mkdir -p "$work/top"
echo top >"$work/top/file"
printf 'FROM %s/hello:v1\nCOPY file /file\nLABEL a=b\n' "$registry" >"$work/top/Dockerfile"
rm -rf "$work/state.kept"
kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
rm -rf "$work/state"
start_daemon
mark
check "a build on a base in the registry" build -t top:v1 "$work/top"
check "no layer of the base is downloaded twice" [ "$(requests GET /blobs/ | cat)" -le 5 ]
check "one layer and one config are uploaded" [ "$(requests PUT /blobs/uploads/)" -le 2 ]
check "the base's layers are mounted" says "1 pushed, 3 mounted"
check "nothing is unpacked" [ -z "$(ls -A "$work/state/builder/layers/unpacked")" ]
mark
check "a second build on it" build -t top:v2 --label c=d "$work/top"
check "and now no layer is downloaded at all" [ "$(requests GET /blobs/)" -eq 0 ]

# One commit, twice, without the cache: the layers of COPY are the same.
git init -q -b main "$work/repo"
cp -r "$hello/." "$work/repo/"
git -C "$work/repo" -c user.name=t -c user.email=t@localhost add . >/dev/null
git -C "$work/repo" -c user.name=t -c user.email=t@localhost commit -q -m one
for i in 1 2; do
  check "a build of a commit, time $i" \
    build --no-cache --build-arg SOURCE_DATE_EPOCH=1700000000 -t "repo:v$i" "file://$work/repo/.git#main"
  layers_of "repo:v$i" | head -n 2 >"$work/layers.$i"
done
check "layers of COPY have the same digests" cmp -s "$work/layers.1" "$work/layers.2"

fails_to_find() { ! digest_of "$1" >/dev/null 2>&1; }

# Bad input.
bad() { # NAME DOCKERFILE...: a context with this Dockerfile
  mkdir -p "$work/bad/$1"
  printf '%s\n' "${@:2}" >"$work/bad/$1/Dockerfile"
}
bad unknown 'FROM scratch' 'RUNN x'
check "unknown instruction: file, line, near miss" \
  fails_with "Dockerfile:2:1: unknown instruction 'RUNN'; did you mean 'RUN'" -t bad "$work/bad/unknown"
bad empty ''
check "empty Dockerfile" fails_with "Dockerfile" -t bad "$work/bad/empty"
mkdir -p "$work/bad/missing"
check "missing Dockerfile" fails_with "Dockerfile" -t bad "$work/bad/missing"
bad flag 'FROM scratch' 'COPY --chwon=1 a b'
check "unknown flag: near miss" fails_with "Dockerfile:2:6: .*chown" -t bad "$work/bad/flag"
bad copy 'FROM scratch' 'COPY nothing /'
check "COPY of what is not there" fails_with "Dockerfile:2:6: .*'/nothing' is not there" -t bad "$work/bad/copy"
check "and the line" says "^ +2 \| COPY nothing /"
bad ignored 'FROM scratch' 'COPY a.log /'
printf '# logs\n*.log\n' >"$work/bad/ignored/.dockerignore"
touch "$work/bad/ignored/a.log"
check "COPY of what is ignored names the pattern" \
  fails_with "Dockerfile:2:6: .*'/a.log' is left out by line 2 of '.dockerignore' \('\*.log'\)" -t bad "$work/bad/ignored"
bad circular 'FROM scratch AS a' 'COPY --from=a / /'
check "circular stage" fails_with "Dockerfile:2:6: .*circular" -t bad "$work/bad/circular"
bad target 'FROM scratch AS build'
check "unknown target: near miss" fails_with "did you mean 'build'" -t bad --target biuld "$work/bad/target"
bad run "FROM $registry/hello:v1" 'RUN echo said; exit 7'
check "RUN that fails: code and output" fails_with "exit code 7" -t bad "$work/bad/run"
check "and its last lines" says "said"
# The shell is process 1 of its container, which cannot kill itself: its child is killed, and it passes the status on.
# shellcheck disable=SC2016
bad signal "FROM $registry/hello:v1" 'RUN sh -c "echo dying; kill -9 \$\$"; exit $?'
check "RUN that is killed: signal" fails_with "signal 9|exit code 137" -t bad "$work/bad/signal"
bad base "FROM $registry/nothing:v1"
check "base that is missing" fails_with "Dockerfile:1:6: .*nothing" -t bad "$work/bad/base"
bad refused 'FROM 127.0.0.1:1/x:y'
check "registry that refuses" fails_with "127.0.0.1:1" -t bad "$work/bad/refused"
check "no such repository" fails_with "no-such" -t bad "file://$work/no-such.git#main"
check "no such reference" fails_with "mian" -t bad "file://$work/repo/.git#mian"
check "no such folder" fails_with "nowhere" -t bad "file://$work/repo/.git#main:nowhere"
mkdir -p "$work/bad/link"
ln -s /etc/passwd "$work/bad/link/p"
printf 'FROM scratch\nCOPY p /p\n' >"$work/bad/link/Dockerfile"
check "a link out of the context leads nowhere" fails_with "Dockerfile:2" -t bad "$work/bad/link"

# Checks: what the linter finds, in a build and instead of one.
mkdir -p "$work/lint"
head -c 3000000 /dev/urandom >"$work/lint/large"
printf 'FROM scratch AS first\nENV a b\nFROM %s/hello:v1\nMAINTAINER me\nCOPY . /x\n' "$registry" >"$work/lint/Dockerfile"
check "a build warns of what is in its stages" build -t lint:v1 "$work/lint"
check "with the rule, the place" says "WARNING: Dockerfile:4: MaintainerDeprecated: "
check "and the line" says "^ +4 \| MAINTAINER me"
check "once" [ "$(grep -c MaintainerDeprecated: "$work/out")" -eq 1 ]
check "and not of others" [ "$(grep -c LegacyKeyValueFormat: "$work/out")" -eq 0 ]
check "--check looks at all stages and fails" \
  fails_with "the check found 2 warnings: LegacyKeyValueFormat, MaintainerDeprecated" --check -t lint:v2 "$work/lint"
check "runs nothing" [ "$(grep -c 'COPY . /x$' "$work/out")" -eq 0 ]
check "and sends the Dockerfile only" says "Sent context .* [01] of 1 file"
sed -i -e 's/^ENV a b/ENV a=b/' -e '/^MAINTAINER/d' "$work/lint/Dockerfile"
check "--check of a good Dockerfile succeeds" build --check -t lint:v2 "$work/lint"
check "and says so" says "Check complete: no warnings"
check "and pushes nothing" fails_to_find lint:v2
printf '# check=error=true\nFROM scratch\nCMD a\n' >"$work/lint/Dockerfile"
check "error=true fails the build" fails_with "lint violation found for rules: JSONArgsRecommended" -t lint:v3 "$work/lint"
check "and the build arg has the last word" \
  build --build-arg BUILDKIT_DOCKERFILE_CHECK=skip=JSONArgsRecommended -t lint:v3 "$work/lint"

# Large files of a context are handed over as open ones, through a socket of the upload's own.
mkdir -p "$work/large"
head -c 5000000 /dev/urandom >"$work/large/l"
printf 'FROM %s/hello:v1\nCOPY l /l\nRUN sha256sum /l\n' "$registry" >"$work/large/Dockerfile"
check "a large file is built in" build -t large:v1 "$work/large"
check "as it is" says "$(sha256sum "$work/large/l" | cut -d ' ' -f 1) +/l"
left_sockets() { find "$(dirname "${SLIPWAY_SERVER#unix:}")" -name "$(basename "$SLIPWAY_SERVER").*" | wc -l; }
check "and no socket is left" [ "$(left_sockets)" -eq 0 ]

# Forty at once: more than the daemon takes uploads of at a time, so some clients wait their turn.
for i in $(seq 40); do
  mkdir -p "$work/many/$i"
  echo "$i" >"$work/many/$i/n"
  printf 'FROM %s/hello:v1\nCOPY n /n\nRUN cat /n > /o\n' "$registry" >"$work/many/$i/Dockerfile"
done
jobs=()
for i in $(seq 40); do
  "$bin/slipway" build -q -t "many:$i" "$work/many/$i" >"$work/many/$i.out" 2>&1 &
  jobs+=($!)
done
all=0
for job in "${jobs[@]}"; do wait "$job" || all=1; done
check "forty builds at once succeed" [ $all -eq 0 ]
peak=$(awk '/^VmHWM/ {print $2}' "/proc/$daemon_pid/status")
echo "      the daemon's own memory peaked at $((peak / 1024)) MiB"
# Under a sanitizer tests/sanitizers.sh sets DAEMON_MIB: its memory is beside the daemon's.
check "the daemon's memory stays under ${DAEMON_MIB:-190} MiB" [ "$peak" -lt $((${DAEMON_MIB:-190} * 1024)) ]

done_with_checks
