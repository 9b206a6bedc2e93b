#!/bin/bash
# A thousand images on one base, and the base moves: how long until all thousand tags stand for the rebased images.
#   rebase.sh BIN_DIR [COUNT]
# The registry is a docker-registry on loopback that notifies the daemon. Afterwards ten of the images are pulled by
# skopeo and one is run by runc.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
count=${2:-1000}
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

make_base() { # VERSION
  mkdir -p "$work/base"
  cp /bin/busybox "$work/base/busybox"
  echo "$1" >"$work/base/version"
  printf 'FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/cat\nCOPY version /etc/version\nENV V=%s\n' "$1" \
    >"$work/base/Dockerfile"
  rm -rf "$work/base.oci"
  build --output "type=oci,dest=$work/base.oci,tar=false" "$work/base"
}
push_base() { skopeo copy -q --dest-tls-verify=false "oci:$work/base.oci" "docker://$registry/base:v1"; }
name() { printf 'image-%04d' "$1"; }
digests() { # of all tags, one a line
  seq "$count" | xargs -P 2 -n 100 sh -c 'for i; do
    n=$(printf "image-%04d" "$i")
    echo "$n $(curl -sI -H "Accept: application/vnd.oci.image.manifest.v1+json" "http://'"$registry"'/v2/apps/$n/manifests/v1" |
      tr -d "\r" | sed -n "s/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p")"
  done' _ | sort
}

make_base one
push_base
echo "making $count tasks and their images"
git init -q -b main "$work/source"
printf 'FROM %s/base:v1\nARG NUMBER\nCOPY --link file /app/\nENV NUMBER=$NUMBER\nENTRYPOINT ["/bin/cat"]\nCMD ["/app/file", "/etc/version"]\n' \
  "$registry" >"$work/source/Dockerfile"
echo "a file of the image" >"$work/source/file"
git -C "$work/source" add .
git -C "$work/source" -c user.name=t -c user.email=t@example.com commit -qm first
export bin registry work
seq "$count" | xargs -P 2 -I{} sh -c 'n=$(printf "image-%04d" {})
  "$bin/slipway" task create -n "$n" -t "$registry/apps/$n:v1" --context "file://$work/source#main" -f Dockerfile \
    --commit-trigger-enabled false --rebase whenSafe --arg "NUMBER={}" >/dev/null &&
  "$bin/slipway" task run -n "$n" >/dev/null 2>&1 || echo "FAIL $n"' | tee "$work/failed"
check "all images are there" [ ! -s "$work/failed" ]
digests >"$work/before"
make_base two

mark
begin=$(date +%s.%N)
push_base
# Counted by the registry's log of manifests that were put: asking for a thousand tags would slow down what is measured.
for _ in $(seq 3000); do
  [ "$(requests PUT '/v2/apps/image-[0-9]+/manifests/v1')" -ge "$count" ] && break
  sleep 0.1
done
end=$(date +%s.%N)
digests >"$work/after"
moved=$(join "$work/before" "$work/after" | awk '$2 != $3' | wc -l)
seconds=$(echo "$end $begin" | awk '{printf "%.1f", $1 - $2}')
echo "$moved of $count tags moved in $seconds s"
check "all tags moved" [ "$moved" -eq "$count" ]
check "in under a minute for each thousand" awk "BEGIN {exit !($seconds < 60 * $count / 1000)}"
check "no layer was sent" [ "$(requests PATCH '/v2/apps/')" -le "$count" ] # each sends its config

for i in $(seq 1 $((count / 10)) "$count" | head -n 10); do
  n=$(name "$i")
  skopeo copy -q --src-tls-verify=false "docker://$registry/apps/$n:v1" "oci:$work/pulled:$n" &&
    [ "$(skopeo inspect --config "oci:$work/pulled:$n" | jq -r '.config.Env | join(" ")')" = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin V=two NUMBER=$i" ] ||
    { check "image $n is whole" false; continue; }
  check "image $n is whole" true
done
umoci unpack --image "$work/pulled:$(name 1)" "$work/bundle" >/dev/null
sed -i 's/"terminal": true/"terminal": false/' "$work/bundle/config.json"
runc --root "$work/runc" run --bundle "$work/bundle" "rebase-$$" >"$work/said" 2>&1 </dev/null || true
check "one of them runs, on the new base" [ "$(cat "$work/said")" = "a file of the image
two" ]
done_with_checks
