#!/bin/bash
# Five well-known programs, in Dockerfiles of the shape that their projects have: built by Slipway from local bases, pushed
# to a registry, pulled by skopeo, unpacked by umoci and run by runc, where each has to do what it is for.
#
#   projects.sh BIN_DIR [PROJECT...]      e.g. projects.sh build/release/bin nginx go-ping
#
# It takes some minutes and needs Debian's packages and those of npm (with this machine's settings of npm, where npm is
# installed). Nothing is left running.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/e2e/lib.sh"
# shellcheck source=tests/e2e/images.sh
. "$(dirname "$0")/e2e/images.sh"
here=$(cd "$(dirname "$0")/projects" && pwd)
shift
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(nginx memcached postgres node-web go-ping)
started=$SECONDS
tell() { printf '\n== [%4d s] %s\n' $((SECONDS - started)) "$*"; }
build_seconds=1800 # some compile, and the machine may be busy
# A build whose log is shown if it fails. The names of public bases are those of local images.
make_image() { # TAG [options] CONTEXT
  build -t "$@" || { sed 's/^/      | /' "$work/out" | tail -n 25; return 1; }
}
replaced() { echo "--build-context=$1=docker-image://$registry/$2"; } # BASE LOCAL

web() { beside "$1" curl -fsS --max-time 10 "http://127.0.0.1:$2"; } # NAME PORT/PATH
shows() { grep -qE -- "$2" "$work/said-$1"; } # NAME PATTERN
# Of the last build's steps that are like PATTERN so many were known. Lines of other steps may come between.
cached() { # COUNT PATTERN
  [ "$(sed -nE "s/^(#[0-9]+) .*$2.*/\1 CACHED/p" "$work/out" | sort -u | grep -cxFf - "$work/out")" = "$1" ]
}
setting() { [ "$(config_of "$1" | jq -c "$2")" = "$3" ]; } # IMAGE FILTER VALUE

project_nginx() {
  check "the image is built" make_image nginx "$debian" "$here/nginx"
  check "it is to be ended by SIGQUIT" setting nginx .config.StopSignal '"SIGQUIT"'
  check "it exposes port 80" setting nginx .config.ExposedPorts '{"80/tcp":{}}'
  [ "$fails" -eq "$before" ] || return 0
  check "it is pulled and unpacked" unpack nginx nginx GREETING=hello GREETING_PORT=8081
  start nginx
  check "it starts" in_time web nginx 80/
  check "it serves its page" eval 'web nginx 80/ | grep -q "Slipway has built"'
  check "a template was filled in when it started" eval '[ "$(web nginx 8081/)" = "hello from 127.0.0.1" ]'
  check "requests are in the container's log" shows nginx '"GET / HTTP/1.1" 200'
  check "workers are those of the image's user" eval 'beside nginx ps -o uid= -C nginx | grep -qw 101'
  check "SIGQUIT ends it in order" stops_with nginx QUIT
}

project_memcached() {
  check "the release's tarball is had" \
    build "$debian" -f "$here/memcached/source.Dockerfile" -o "type=local,dest=$work/downloads" "$here/memcached"
  local port
  port=$(free_port)
  python3 -m http.server --bind 127.0.0.1 --directory "$work/downloads" "$port" >/dev/null 2>&1 &
  pids+=($!)
  in_time curl -fsS "http://127.0.0.1:$port/"
  check "the image is built: configure, make, make install" \
    make_image memcached "$debian" --build-arg "MEMCACHED_URL=http://127.0.0.1:$port/memcached.tar.xz" "$here/memcached"
  [ "$fails" -eq "$before" ] || return 0
  check "it is pulled and unpacked" unpack memcached memcached
  check "the compiler is gone" eval '! [ -e "$work/bundle-memcached/rootfs/usr/bin/gcc" ]'
  start memcached
  talk() { beside memcached timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/11211 && printf "$1" >&3 && cat <&3' - "$1"; }
  check "it starts" in_time talk 'version\r\nquit\r\n'
  check "it is the release that was compiled" eval "talk 'version\r\nquit\r\n' | grep -q '^VERSION 1.6.18'"
  check "it keeps a value" eval "talk 'set ship 0 0 8\r\nBorealis\r\nget ship\r\nquit\r\n' | tr -d '\r' | grep -qx Borealis"
  check "it runs as user 11211" [ "$(within memcached id -u)" = 11211 ]
  check "SIGTERM ends it in order" stops_with memcached TERM
}

project_postgres() {
  check "the image is built" make_image postgres "$debian" "$here/postgres"
  check "its data is a volume" setting postgres .config.Volumes '{"/var/lib/postgresql/data":{}}'
  [ "$fails" -eq "$before" ] || return 0
  check "it is pulled and unpacked" unpack postgres postgres POSTGRES_PASSWORD=not-a-secret
  start postgres
  ask() { within postgres env PGPASSWORD=not-a-secret psql -h 127.0.0.1 -U postgres -tAc "$1"; }
  check "it makes a cluster and starts" in_time ask 'SELECT 1'
  ask 'SELECT name FROM ships ORDER BY launched LIMIT 1' >"$work/answer" || true
  check "a query is answered" grep -qx Ærøskøbing "$work/answer"
  check "the cluster is UTF-8" eval "[ \"\$(ask 'SHOW server_encoding')\" = UTF8 ]"
  check "a wrong password is refused" eval '! within postgres env PGPASSWORD=wrong psql -h 127.0.0.1 -U postgres -c "" 2>"$work/err"'
  check "SIGINT ends it in order" stops_with postgres INT
  check "and the database was shut down" shows postgres 'database system is shut down'
}

project_node-web() {
  check "the base with node and npm is built" make_image node "$debian" -f "$here/bases/node.Dockerfile" "$here/bases"
  # npm's settings of this machine, for the steps only.
  : >"$work/npmrc"
  local secrets=(--secret "id=npmrc,src=$work/npmrc") key value
  if command -v npm >/dev/null; then
    for key in registry proxy https-proxy; do
      value=$(npm config get "$key")
      [ "$value" = null ] || echo "$key=$value" >>"$work/npmrc"
    done
    value=$(npm config get cafile)
    if [ -f "$value" ]; then
      echo "cafile=/run/secrets/npm-ca" >>"$work/npmrc"
      secrets+=(--secret "id=npm-ca,src=$value")
    fi
  fi
  local base
  base=$(replaced node:18-bookworm-slim node)
  check "the image is built: npm ci, tsc, node --test" make_image node-web "$base" "${secrets[@]}" "$here/node-web"
  check "its health is asked as the Dockerfile says" setting node-web .config.Healthcheck.Timeout 3000000000
  [ "$fails" -eq "$before" ] || return 0
  check "it is pulled and unpacked" unpack node-web node-web
  local root=$work/bundle-node-web/rootfs
  check "the compiler is not in it" eval "[ -d '$root/usr/src/app/node_modules/express' ] && ! [ -e '$root/usr/src/app/node_modules/typescript' ]"
  check "neither npm's settings nor its cache are in it" eval "! [ -e '$root/root/.npmrc' ] && [ -z \"\$(ls -A '$root/root/.npm' 2>/dev/null)\" ]"
  start node-web
  check "it starts" in_time web node-web 3000/healthz
  check "it answers, as the user node" [ "$(web node-web 3000/heaviest)" = '{"name":"Borealis","tons":1200,"uid":1000}' ]
  check "its own health check is content" eval 'config_of node-web | jq -r ".config.Healthcheck.Test[1:] | @sh" >"$work/test" && eval "within node-web $(cat "$work/test")"'
  check "SIGTERM ends it in order" stops_with node-web TERM
  printf '\n// A comment.\n' >"$work/comment"
  cp -r "$here/node-web" "$work/node-web" && cat "$work/comment" >>"$work/node-web/src/server.ts"
  check "after a change of the source" make_image node-web:v2 "$base" "${secrets[@]}" "$work/node-web"
  check "npm does not run again" cached 2 'RUN .*npm ci'
}

project_go-ping() {
  check "the base with Go is built" make_image golang "$debian" -f "$here/bases/golang.Dockerfile" "$here/bases"
  local base
  base=$(replaced golang:1.19 golang)
  check "its tests pass in a stage of their own" make_image go-ping:test "$base" --target run-test-stage "$here/go-ping"
  check "the image is built for two architectures" \
    make_image go-ping "$base" --platform linux/amd64,linux/arm64 --build-arg VERSION=v1.2 "$here/go-ping"
  check "it is an index of both" eval '[ "$(skopeo inspect --raw --tls-verify=false "docker://$registry/go-ping" | jq -r ".manifests[].platform.architecture" | xargs)" = "amd64 arm64" ]'
  [ "$fails" -eq "$before" ] || return 0
  check "it is pulled and unpacked" unpack go-ping go-ping
  check "it has the program and a list of users, and nothing else" \
    eval '[ "$(cd "$work/bundle-go-ping/rootfs" && find . -type f | sort | xargs)" = "./etc/passwd ./ping" ]'
  start go-ping
  check "it starts" in_time web go-ping 8080/
  check "it answers, as the image's user" [ "$(web go-ping 8080/)" = "ping v1.2 for linux/amd64 as 10001" ]
  check "its health check is content" within go-ping /ping -health
  skopeo copy -q --src-tls-verify=false --override-arch arm64 "docker://$registry/go-ping" "oci:$work/pulled:arm64"
  umoci unpack --image "$work/pulled:arm64" "$work/bundle-arm64" 2>"$work/umoci.log"
  check "the other is for arm64" eval 'readelf -h "$work/bundle-arm64/rootfs/ping" | grep -q AArch64'
  if command -v qemu-aarch64-static >/dev/null; then
    check "and runs where that is emulated" [ "$(qemu-aarch64-static "$work/bundle-arm64/rootfs/ping" -version)" = "ping v1.2 for linux/arm64 as 0" ]
  fi
}

tell "A registry, a root of Debian in it, and the daemon"
start_registry
push_bases
debian=$(replaced debian:bookworm-slim conf/debian)
start_daemon
for project in "${wanted[@]}"; do
  [ -d "$here/$project" ] || { echo "there is no project '$project' in $here"; exit 2; }
  tell "$project"
  before=$fails
  "project_$project"
  if [ "$fails" -gt "$before" ] && [ -f "$work/said-$project" ]; then
    echo "      what it said:"
    sed 's/^/      | /' "$work/said-$project" | tail -n 25
  fi
done
tell "Done"
echo "Built by Slipway, pushed to $registry, pulled by skopeo, unpacked by umoci, run by runc: ${wanted[*]}."
done_with_checks
