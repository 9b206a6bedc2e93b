#!/bin/bash
# Outputs, squashing and reproducibility through the real programs; judged by skopeo, umoci, tar and a running container.
#   outputs.sh BIN_DIR
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
start_registry
start_daemon

out=$work/results
mkdir -p "$out"
copy_in() { skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "$1" "$2" >/dev/null 2>"$work/skopeo" || { cat "$work/skopeo"; return 1; }; }
listing() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %U:%G %n %l\n' | sort); }
quiet() { timeout 300 "$bin/slipway" build -q "$@" >"$work/out" 2>&1; }

# An image with all that a file system can hold.
app=$work/app
mkdir -p "$app/d"
cp /bin/busybox "$app/busybox"
echo one >"$app/d/one"
head -c 3000000 /dev/urandom >"$app/d/large"
cat >"$app/Dockerfile" <<'D'
FROM scratch AS base
COPY busybox /bin/busybox
COPY busybox /bin/sh
COPY --chown=7:8 --chmod=4750 d/one /suid
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /old/sub /opq
RUN echo gone > /old/file; echo x > /opq/before; echo a > /keep; ln /keep /keep2; ln -s /etc/passwd /link
RUN mkfifo /fifo; mkdir /sticky; chmod 1777 /sticky; chown 5:6 /sticky
FROM base
RUN rm -r /old; rm -r /opq; mkdir /opq; echo y > /opq/after; rm /keep; echo new > /keep
COPY d /d
CMD ["/bin/sh", "-c", "cat /keep2"]
D
check "an image with four outputs at once, and a push" build -t app:v1 --push \
  -o "type=oci,dest=$out/oci.tar" -o "type=oci,tar=false,dest=$out/oci" -o "type=docker,dest=$out/docker.tar,name=app:{{.Run.ID}}" \
  -o "type=local,dest=$out/local" -o "type=tar,dest=$out/root.tar" "$app"
pushed=$(digest_of app:v1)
check "the layout has the digest that was pushed" \
  [ "$(jq -r '.manifests[0].digest' "$out/oci/index.json")" = "$pushed" ]
check "skopeo reads the layout as folder" copy_in "oci:$out/oci:v1" "docker://$registry/from-oci:v1"
check "and gives the same image" [ "$(digest_of from-oci:v1)" = "$pushed" ]
check "skopeo reads the layout as archive" copy_in "oci-archive:$out/oci.tar:v1" "docker://$registry/from-tar:v1"
check "and gives the same image" [ "$(digest_of from-tar:v1)" = "$pushed" ]
check "skopeo reads the docker archive" copy_in "docker-archive:$out/docker.tar" "docker://$registry/from-docker:v1"
check "its config is the same" [ "$(skopeo inspect --config --raw --tls-verify=false "docker://$registry/from-docker:v1" | sha256sum)" = \
  "$(skopeo inspect --config --raw --tls-verify=false "docker://$registry/app:v1" | sha256sum)" ]
check "it is called after the run" grep -qE 'app:[a-z0-9]+"' <(tar -xOf "$out/docker.tar" manifest.json)
check "umoci unpacks the layout" umoci unpack --image "$out/oci:v1" "$out/bundle" >"$work/umoci" 2>&1

# The file system: as umoci unpacks it, as a folder, and in an archive.
mkdir "$out/untar"
check "tar unpacks the archive" tar -C "$out/untar" --numeric-owner --xattrs -xpf "$out/root.tar"
listing "$out/bundle/rootfs" >"$work/list.umoci"
listing "$out/local" >"$work/list.local"
listing "$out/untar" >"$work/list.tar"
check "the folder is what umoci unpacks" diff "$work/list.umoci" "$work/list.local"
check "the archive is what umoci unpacks" diff "$work/list.umoci" "$work/list.tar"
check "contents are the same" diff -r --no-dereference "$out/bundle/rootfs/d" "$out/local/d"
check "a name lives on when the other is replaced" [ "$(cat "$out/local/keep") $(cat "$out/local/keep2")" = "new a" ]
check "what was removed is not there" [ ! -e "$out/local/old" ]
check "an opaque folder hides" [ "$(ls "$out/local/opq")" = after ]
check "the result runs" [ "$(chroot "$out/local" /bin/sh -c 'cat /keep2')" = a ]

# Standard output, an existing folder, nothing pushed.
(cd "$work" && timeout 300 "$bin/slipway" build -o - "$app" 2>"$work/out" | tar -tf - | sort >"$work/names")
check "an archive comes through standard output" grep -qx 'd/large' "$work/names"
echo mine >"$out/local/mine"
echo before >"$out/local/keep"
check "a folder is merged into" build -o "$out/local" "$app"
check "what was there stays, what is new comes" [ "$(cat "$out/local/mine" "$out/local/keep")" = $'mine\nnew' ]
check "a layout is replaced" build -t app:v1 -o "type=oci,tar=false,dest=$out/oci" "$app"
check "and is whole" copy_in "oci:$out/oci:v1" "docker://$registry/from-oci:v2"
mark
check "an output alone" build -t app:nopush -o "type=oci,dest=$out/nopush.tar" "$app"
check "pushes nothing" [ "$(requests 'POST|PATCH|PUT' /)" -eq 0 ]
check "nothing is left beside" [ -z "$(find "$out" -name '.slipway-*')" ]
check "a place that cannot be is told at once" fails_with "no OCI image layout" -o "type=oci,tar=false,dest=$out/local" "$app"

# On a base in a registry, whose layers nothing had to read before.
printf 'FROM %s/app:v1\nCOPY d/one /one\n' "$registry" >"$work/Dockerfile.top"
kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
rm -rf "$work/state"
start_daemon
check "an output with a base" build -f "$work/Dockerfile.top" -t top:v1 -o "type=oci,tar=false,dest=$out/top" \
  -o "type=local,dest=$out/top-root" "$app"
check "umoci unpacks it" umoci unpack --image "$out/top:v1" "$out/top-bundle" >"$work/umoci" 2>&1
check "the folder is what umoci unpacks" diff <(listing "$out/top-bundle/rootfs") <(listing "$out/top-root")

# Several platforms.
printf 'FROM scratch\nARG TARGETARCH\nCOPY d/one /one-$TARGETARCH\n' >"$work/Dockerfile.multi"
check "outputs of two platforms" build -f "$work/Dockerfile.multi" --platform linux/amd64,linux/arm64 -t multi:v1 \
  -o "type=oci,tar=false,dest=$out/multi" -o "$out/multi-root" "$app"
check "the layout has an index" [ "$(skopeo inspect --raw "oci:$out/multi:v1" | jq '.manifests|length')" = 2 ]
check "each file system has its folder" [ -f "$out/multi-root/linux_arm64/one-arm64" ]
check "docker archives are of one platform" fails_with "one platform" -f "$work/Dockerfile.multi" \
  --platform linux/amd64,linux/arm64 -o "type=docker,dest=$out/x.tar" "$app"

# Squashing.
check "a squashed image" build --squash -t squashed:v1 --push -o "type=oci,tar=false,dest=$out/squashed" "$app"
check "has one layer" [ "$(layers_of squashed:v1 | wc -l)" = 1 ]
check "umoci unpacks it" umoci unpack --image "$out/squashed:v1" "$out/squashed-bundle" >"$work/umoci" 2>&1
check "and it holds the same" diff "$work/list.umoci" <(listing "$out/squashed-bundle/rootfs")
printf 'FROM %s/app:v1\nRUN rm /d/one; echo 1 > /n; rm /n; mkdir /n\nRUN rm -r /opq; mkdir /opq; echo 2 > /n/2\n' "$registry" >"$work/Dockerfile.over"
check "over a base" build --squash -f "$work/Dockerfile.over" -t over:v1 --push -o "$out/over" "$app"
check "only what was added is one layer" \
  [ "$(layers_of over:v1 | wc -l)" = $(($(layers_of app:v1 | wc -l) + 1)) ]
check "as without squashing" build -f "$work/Dockerfile.over" -o "$out/not-over" "$app"
check "the file system is the same" diff <(listing "$out/not-over") <(listing "$out/over")

# Compression.
check "a level of zstd" build --compression zstd --compression-level 19 -t z:19 --push "$app"
check "and a lower one" build --compression zstd --compression-level 1 -t z:1 --push "$app"
size_of() { skopeo inspect --raw --tls-verify=false "docker://$registry/$1" | jq '[.layers[].size]|add'; }
check "the higher is smaller" [ "$(size_of z:19)" -lt "$(size_of z:1)" ]
check "a level that is none" fails_with "is not a level of gzip, which has 1 to 9" --compression-level 11 -t z "$app"

# Reproducible: one commit, two daemons with other roots and clocks, one digest.
repo=$work/repo
mkdir "$repo"
git init -q -b main "$repo"
cp "$app/busybox" "$repo/"
cp -r "$app/d" "$repo/"
cat >"$repo/Dockerfile" <<'D'
FROM scratch
ARG SOURCE_DATE_EPOCH
COPY busybox /bin/sh
COPY busybox /bin/busybox
COPY d /d
RUN ["/bin/busybox", "sh", "-c", "echo $SOURCE_DATE_EPOCH > /epoch; /bin/busybox mkdir -p /var/lib; echo 1 > /var/lib/x"]
RUN ["/bin/busybox", "ln", "/epoch", "/second-name"]
D
git -C "$repo" -c user.name=t -c user.email=t@localhost add .
GIT_COMMITTER_DATE=1700000123+0000 git -C "$repo" -c user.name=t -c user.email=t@localhost commit -q -m one
reproduce() { build --source-date-epoch commit --rewrite-timestamp -t "$1" --push "file://$repo/.git#main"; }
check "a build of a commit at the commit's time" reproduce repro:1
kill "$daemon_pid"; wait "$daemon_pid" 2>/dev/null || true
mv "$work/state" "$work/state.first"
sed_state=$work/another/place
mkdir -p "$work/another"
"$bin/slipwayd" --root "$sed_state" --listen "$SLIPWAY_SERVER" --registry "$registry" --allow-local-git \
  >>"$work/slipwayd.log" 2>&1 &
daemon_pid=$!
for _ in $(seq 600); do "$bin/slipway" version >/dev/null 2>&1 && break; sleep 0.1; done
check "the same on another daemon" reproduce repro:2
check "it ran its steps" says "Cached 0 of"
check "the digest is the same" [ "$(digest_of repro:1)" = "$(digest_of repro:2)" ]
check "and diff says so" "$bin/slipway" diff "$registry/repro:1" repro:2
skopeo inspect --config --tls-verify=false "docker://$registry/repro:2" >"$work/config"
check "the image was made at the commit's time" [ "$(jq -r .created "$work/config")" = 2023-11-14T22:15:23Z ]
check "no file is newer" build --source-date-epoch commit --rewrite-timestamp -o "type=tar,dest=$out/repro.tar" \
  "file://$repo/.git#main"
check "an epoch needs a commit" fails_with "an uploaded folder has no commit" --source-date-epoch commit -t x "$app"
check "rewriting needs an epoch" fails_with "needs the time" --rewrite-timestamp -t x "$app"

# What differs.
diff_of() { # EXIT ARGUMENTS...
  local expected=$1 code=0
  shift
  "$bin/slipway" diff "$@" >"$work/out" 2>&1 || code=$?
  [ "$code" -eq "$expected" ] || { echo "exit code $code"; head -n 20 "$work/out"; return 1; }
}
mkdir "$work/diff"
cp "$app/busybox" "$work/diff/"
variant() { # NAME DOCKERFILE_LINES...
  printf '%s\n' 'FROM scratch' 'COPY busybox /bin/sh' 'COPY busybox /bin/chmod' 'COPY busybox /bin/chown' 'COPY busybox /bin/ln' "${@:2}" >"$work/diff/Dockerfile"
  quiet -t "diff:$1" "$work/diff"
}
check "one image" variant a 'ENV A=1 B=2' 'RUN echo same > /same; echo 1 > /f; echo x > /gone; chmod 600 /f; ln -s a /l'
check "another" variant b 'ENV A=1 B=3' 'LABEL new=label' 'RUN echo same > /same; echo 12 > /f; chmod 644 /f; chown 3:4 /f; ln -s b /l; echo n > /added'
check "they differ" diff_of 1 diff:a diff:b
for line in '~ config config.Env.B: 2 -> 3' '+ config config.Labels.new: label' '~ layer 4 /f mode: 0600 -> 0644' \
  '~ layer 4 /f owner: 0:0 -> 3:4' '~ layer 4 /f size: 2 -> 3' '~ layer 4 /f content: sha256:' '~ layer 4 /l link: a -> b' \
  '- layer 4 /gone: file 0644 0:0 2 bytes' '+ layer 4 /added: file' '~ history '; do
  check "says '$line'" grep -qF -- "$line" "$work/out"
done
check "and nothing of what is the same" [ "$(grep -cE '^. layer [0-9]+ /(same (mode|owner|size|content)|bin)' "$work/out")" -eq 0 ]
check "an image is the same as itself" diff_of 0 diff:a "$registry/diff:a@$(digest_of diff:a)"
check "a layout and a registry" diff_of 0 "oci:$out/squashed:v1" squashed:v1
check "a layout that differs" diff_of 1 "oci:$out/squashed" app:v1
check "bounded" diff_of 1 --limit 2 diff:a diff:b
check "and the rest is counted" grep -qE '^[0-9]+ not shown' "$work/out"
check "for programs" diff_of 1 -o json diff:a diff:b
check "as JSON" jq -e '.same == false and (.differences | length) == .count' "$work/out" >/dev/null
check "an image that is not there is trouble" diff_of 2 diff:a diff:nothing
check "a folder that is no layout is trouble" diff_of 2 "oci:$app" diff:a

done_with_checks
