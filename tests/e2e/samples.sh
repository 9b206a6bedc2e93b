#!/bin/bash
# Task files that others have published, unchanged: each is read and rendered, and those that can run here are run, with
# small images of ours under the names that they use. Prints a table of what became of each.
#   samples.sh BIN_DIR [FOLDER]      default: $SLIPWAY_TASK_SAMPLES, or ../shared/spec/samples beside the tree
# It runs in a network and with an /etc/hosts of its own, where the public names lead to servers of this script: nothing
# outside can be reached, and nothing is left.
if [ -z "${SLIPWAY_OWN_HOSTS:-}" ]; then
  SLIPWAY_OWN_HOSTS=1 exec unshare --mount --net "$0" "$@"
fi
ip link set lo up
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
samples=${2:-${SLIPWAY_TASK_SAMPLES:-$here/../../../shared/spec/samples}}
[ -d "$samples" ] || { echo "skipped: needs the folder $samples"; exit 77; }

# --- Public names that lead here: registries on one address, files and secrets on another.
images=(mcr.microsoft.com registry-1.docker.io cmd.azurecr.io)
files=(raw.githubusercontent.com myacbvault2.vault.azure.net)
names=$(printf 'DNS:%s,' "${images[@]}" "${files[@]}")
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=samples -addext "subjectAltName=${names%,}" \
  -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl.log"
{ cat /etc/hosts; echo "127.0.0.80 ${images[*]}"; echo "127.0.0.81 ${files[*]}"; } >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts

start_registry
cat >"$work/public.yml" <<Y
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/public}}
http: {addr: "127.0.0.80:443", tls: {certificate: $work/cert.pem, key: $work/key.pem}}
Y
docker-registry serve "$work/public.yml" >"$work/public.log" 2>&1 &
pids+=($!)
# An Azure machine's tokens and an Azure key vault, and the file that one sample takes aliases from.
cat >"$work/files.py" <<'P'
import http.server, json, ssl, sys, threading
samples, cert, key, port = sys.argv[1:5]

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/token":
            return self.answer(json.dumps({"access_token": "token-of-the-machine"}))
        if path == "/secrets/samplesecret" and self.headers["Authorization"] == "Bearer token-of-the-machine":
            return self.answer(json.dumps({"value": "value-of-the-vault"}))
        head = "/Azure/acr-builder/main/"
        if path.startswith(head) and ".." not in path:
            return self.answer(open(f"{samples}/acr-builder/{path[len(head):]}").read())
        self.send_error(404)

    def answer(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass

plain = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
threading.Thread(target=plain.serve_forever, daemon=True).start()
secure = http.server.ThreadingHTTPServer(("127.0.0.81", 443), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
secure.socket = context.wrap_socket(secure.socket, server_side=True)
secure.serve_forever()
P
tokens=127.0.0.1:$(free_port)
python3 "$work/files.py" "$samples" "$work/cert.pem" "$work/key.pem" "${tokens#*:}" 2>"$work/files.log" &
pids+=($!)
start_daemon --ca-file "$work/cert.pem" --secrets-azure-identity-endpoint "http://$tokens/token" --allow-host-network \
  --allow-insecure-security

# --- The images: a shell, and on it what the samples call by name.
box=$work/box
mkdir -p "$box/curl/usr/bin"
cp /bin/busybox "$box/busybox"
cp "$(command -v curl)" "$box/curl/usr/bin/"
ldd "$(command -v curl)" | grep -o '/[^ ]*' | while read -r lib; do
  mkdir -p "$box/curl$(dirname "$lib")"
  cp -L "$lib" "$box/curl$lib"
done
cat >"$box/Dockerfile" <<'D'
FROM scratch AS shell
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]

FROM shell AS bash
COPY --chmod=755 <<EOF /entrypoint
#!/bin/sh
[ "\${1#-}" = "\$1" ] || set -- sh "\$@"
exec "\$@"
EOF
ENTRYPOINT ["/entrypoint"]
CMD ["sh"]

FROM shell AS hello-world
CMD ["echo", "Hello from a container!"]

FROM shell AS nginx
RUN mkdir /www && echo '<h1>Welcome</h1>' >/www/index.html
EXPOSE 80
CMD ["httpd", "-f", "-p", "80", "-h", "/www"]

FROM shell AS curl
COPY curl /
# The server may still be starting.
RUN mkdir -p /root && printf 'retry = 50\nretry-delay = 1\nretry-connrefused\nsilent\n' >/root/.curlrc
ENV HOME=/root
ENTRYPOINT ["/usr/bin/curl"]

FROM shell AS helm
ENTRYPOINT ["echo", "helm"]

FROM shell AS git
COPY --chmod=755 <<EOF /entrypoint
#!/bin/sh
mkdir "\$3" && echo "FROM scratch" >"\$3/Dockerfile" && echo "\$1 \$2"
EOF
ENTRYPOINT ["/entrypoint"]

FROM shell AS build
ENTRYPOINT ["sh", "-c", "ls && echo \"build $*\"", "build"]
D
stand_in() { # STAGE NAME
  build --target "$1" -t "$2" "$box" || { cat "$work/out"; echo "the image $2 could not be made"; exit 1; }
}
stand_in bash mcr.microsoft.com/acr/bash:2ff604c
stand_in bash docker.io/library/bash:3.0
stand_in bash docker.io/library/bash # without `version: v1.1.0` there are no aliases
stand_in curl mcr.microsoft.com/acr/curl:2ff604c
stand_in hello-world mcr.microsoft.com/hello-world
stand_in nginx mcr.microsoft.com/oss/nginx/nginx:1.15.5-alpine
stand_in helm cmd.azurecr.io/helm:v2.11.0-rc.2
stand_in git docker.io/library/git
stand_in build docker.io/library/build

# --- What is done with a sample. Each leaves a row of the table.
: >"$work/table"
row() { printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$work/table"; }
slipway_run() { timeout 120 "$bin/slipway" run --progress plain "$@" >"$work/out" 2>&1; }
fail_row() {
  fails=$((fails + 1))
  row "$1" "$2" "$3"
  { echo "FAIL  $1"; sed 's/^/      | /' "$work/out" | tail -n 12; } >&2
}
context_of() { # FILE: a copy of its folder, with the Dockerfile that a sample may take for granted
  context=$work/context
  rm -rf "$context"
  cp -r --no-preserve=mode "$samples/$(dirname "$1")" "$context"
  [ -e "$context/Dockerfile" ] || echo 'FROM mcr.microsoft.com/hello-world' >"$context/Dockerfile"
}
parsed() { # FILE [options]
  local file=$1
  shift
  context_of "$file"
  slipway_run --dry-run -f "$(basename "$file")" "$@" "$context" && return
  fail_row "$file" "NO" "-"
  return 1
}
runs() { # FILE PATTERN-OF-THE-LOG [options]
  local file=$1 pattern=$2
  shift 2
  parsed "$file" "$@" || return 0
  for _ in $(seq "${tries:-1}"); do
    if slipway_run -f "$(basename "$file")" "$@" "$context" && says "$pattern"; then
      passes=$((passes + 1))
      row "$file" yes ran
      return
    fi
  done
  fail_row "$file" yes FAILED
}
read_only() { # FILE WHY-IT-CANNOT-RUN [options]
  local file=$1 why=$2
  shift 2
  parsed "$file" "$@" || return 0
  passes=$((passes + 1))
  row "$file" yes "$why"
}
refused() { # FILE PATTERN WHY [options]: read, and refused for what does not exist here
  local file=$1 pattern=$2 why=$3
  shift 3
  context_of "$file"
  if ! slipway_run --dry-run -f "$(basename "$file")" "$@" "$context" && says "$(basename "$file"):[0-9]+:[0-9]+: .*$pattern"; then
    passes=$((passes + 1))
    row "$file" refused "$why"
  else
    fail_row "$file" "NOT REFUSED" "-"
  fi
}
no_task() { row "$1" - "$2"; } # FILE WHAT-IT-IS

t=acr-tasks
runs $t/bash-echo.yaml 'hello world'
runs $t/bash-echo-3.yaml 'hello world'
runs $t/hello-world.yaml 'Hello from a container'
runs $t/build-hello-world.yaml 'Run ID: .* was successful'
runs $t/build-push-hello-world.yaml 'Run ID: .* was successful'
runs $t/build-push-hello-world-multi.yaml 'Run ID: .* was successful'
runs $t/build-run-hello-world.yaml 'Hello from a container'
runs $t/build-test-hello-world.yaml '\[func-tests\] Hello'
# What it runs third waits for the second build only, as a step without `when` does, and needs the first: a race of the file's own.
tries=10 runs $t/build-test-update-hello-world.yaml 'helm update helloworld ./release/helm/ --reuse-values --set helloworld.image='
runs $t/buildx.yml 'Run ID: .* was successful'
runs $t/simpletask.yaml 'Run ID: .* was successful'
runs $t/when-parallel.yaml 'Run ID: .* was successful'
runs $t/when-parallel-dependent.yaml '\[func-tests\] Hello'
runs $t/when-sequential-default.yaml 'three'
runs $t/when-sequential-id.yaml '\[step3\] three'
runs $t/files-working-directory.yaml '\[list-workspace-files\] .*hello.txt'
runs $t/network-curl.yaml '<h1>Welcome</h1>'
runs $t/mounts-multistep.yaml 'Run ID: .* was successful' --set-secret secret1=one-secret --set-secret secret2=another-secret
runs $t/mounts-secrets.yaml 'Run ID: .* was successful' --set mysecret=a-value
runs $t/multipleRegistries/testtask.yaml 'Run ID: .* was successful' --set "REGISTRY1=$registry" --set REGISTRY2=cmd.azurecr.io
refused $t/managed-identities.yaml "'docker build' needs a Docker daemon" "docker's own client; Azure login" \
  --set registryName=r
refused $t/build-aspnetapp/WeatherService/acb.yaml "'docker pull' needs a Docker daemon" "docker's own client"
no_task $t/hello-world.dockerfile "a Dockerfile, built by the tasks above"
no_task $t/multipleRegistries/hello-world.dockerfile "a Dockerfile, built by the task above"
no_task $t/curl.dockerfile "a Dockerfile that no task builds; needs Alpine's packages"

b=acr-builder/templating/testdata
runs $b/mounts/mounts_multistep.yaml '-----SECRET VALUE 2'
runs $b/mounts/mounts_secrets.yaml 'this is a non encoded string'
runs $b/helloworld/context-build.yaml 'build -f Dockerfile'
runs $b/helloworld/tar-build.yaml 'build https://acrbuild'
read_only $b/helloworld/git-build.yaml "its builder is an image that needs Docker's socket, and a repository of the internet"
refused $b/helloworld/manifest.yaml "'docker push' needs a Docker daemon" "docker's own client"
refused $b/caching/cache.yaml "'docker pull' needs a Docker daemon" "docker's own client" --values "$samples/$b/caching/values.yaml"
for file in caching helloworld curie thames; do no_task $b/$file/values.yaml "values of the file beside it"; done
no_task $b/caching/empty.yaml "empty values"

for file in fruits thames/thames curie/curie; do
  runs $b/$file.yaml 'was successful' --set apiName=v1 # no steps, but templates and keys that a task does not have
done

# The files of the preprocessor's own tests lie beside each other; its relative names are those of the folder above.
g=acr-builder/graph/testdata
read_only $g/acb.yaml "clones repositories of the internet"
runs $g/buildx.yaml 'was successful'
read_only $g/preprocessor/valid-alias.yaml "clones repositories of the internet"
# The same with aliases taken as what they are, from a URL and a file: they need a later version.
context_of $g/preprocessor/valid-alias.yaml
sed -i 's/^version: v1.0.0/version: v1.1.0/' "$context/valid-alias.yaml"
check "aliases of a URL and a file are put in" slipway_run --dry-run -f valid-alias.yaml "$context"
check "  and begin the commands" says ' azure/images/git clone https'
no_task $g/preprocessor/valid-external.yaml "aliases of valid-alias.yaml"
no_task $g/preprocessor/valid-remote.yaml "aliases of valid-alias.yaml, by its URL"
no_task $g/preprocessor/alphanumeric-external.yaml "aliases of preprocessing-stress.yaml"
no_task $g/preprocessor/empty-external.yaml "no aliases"
# Wrong on purpose: a file that takes aliases from them is refused.
for file in invalid-external invalid-remote; do
  printf 'version: v1.1.0\nalias: {src: [./%s.yaml]}\nsteps: []\n' $file >"$context/takes-$file.yaml"
  if ! slipway_run --dry-run -f takes-$file.yaml "$context" && says "$file.yaml"; then
    passes=$((passes + 1))
    row $g/preprocessor/$file.yaml refused "aliases that are none, on purpose"
  else
    fail_row $g/preprocessor/$file.yaml "NOT REFUSED" -
  fi
done
# Several texts in one file, by name; those that say the same in other words have the same steps.
stress=$g/preprocessor/preprocessing-stress.yaml
mkdir -p "$work/stress" && cp -r --no-preserve=mode "$samples/$g" "$work/stress/testdata"
awk -v to="$work/stress" '/^[A-Z].*:$/ { name = substr($0, 1, length($0) - 1); gsub(" ", "-", name); next }
  { sub("^  ", ""); print >(to "/" name ".yaml") }' "$samples/$stress"
steps_of() { slipway_run --dry-run -f "$1.yaml" "$work/stress" && sed -n '/^STEP /,$p' "$work/out"; }
same=yes
for name in Expected Chaining-Directive-Unicode Multiline-Alias Alias-No-Use; do
  steps_of $name >"$work/stress/$name.steps" || { same=no; fail_row "$stress" "NO: $name" -; }
done
for name in Chaining-Directive-Unicode Multiline-Alias Alias-No-Use; do
  cmp -s "$work/stress/Expected.steps" "$work/stress/$name.steps" || same=no
done
# What is escaped is an id here, and one that no container can have: both are refused for the same.
for name in Expected-Escape Escape; do
  if steps_of $name >/dev/null || ! says "the id '\\\$puller' may have"; then same=no; fi
done
check "each text of preprocessing-stress.yaml has the steps of the one it stands for" [ $same = yes ]
row $stress yes "six texts for one, compared; clone repositories of the internet"

{ printf 'FILE\tREAD\tRUN\n'; cat "$work/table"; } | awk -F '\t' '{ printf "%-70s %-8s %s\n", $1, $2, $3 }'
missing=$(comm -23 <(cd "$samples" && find . -type f \( -name '*.y*ml' -o -name '*dockerfile' \) | sed 's|^\./||' | sort) <(cut -f1 "$work/table" | sort))
check "every sample is in the table" [ -z "$missing" ]
[ -z "$missing" ] || echo "$missing"
done_with_checks
