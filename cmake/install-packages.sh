#!/bin/bash
# Installs the Debian packages that a purpose needs, and only those that are missing.
#   install-packages.sh build      to compile
#   install-packages.sh run        to run the daemon
#   install-packages.sh quickstart build, run, and what the quickstart shows
#   install-packages.sh test       all of it, and what the tests check with
#   install-packages.sh fuzz       to build the fuzzers
set -euo pipefail

build=(build-essential cmake ninja-build ccache lld pkg-config
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  libyaml-cpp-dev libgit2-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libcli11-dev
  libcurl4-openssl-dev libarchive-dev libssl-dev libisal-dev libdeflate-dev libzstd-dev zlib1g-dev
  libsqlite3-dev libseccomp-dev libre2-dev libhowardhinnant-date-dev libmicrohttpd-dev libutf8proc-dev)
run=(tzdata runc netavark aardvark-dns iptables iproute2 openssh-client ca-certificates)
quickstart=(docker-registry busybox-static git curl jq python3)
test=(libgtest-dev libgmock-dev crun skopeo umoci debootstrap apache2-utils python3 openssh-server openssl
  qemu-user-static xfsprogs xz-utils zstd bzip2 attr libcap2-bin shellcheck jq curl git strace procps)
fuzz=(clang libclang-rt-14-dev llvm)

case ${1:-} in
  build) want=("${build[@]}") ;;
  run) want=("${run[@]}") ;;
  quickstart) want=("${build[@]}" "${run[@]}" "${quickstart[@]}") ;;
  test) want=("${build[@]}" "${run[@]}" "${quickstart[@]}" "${test[@]}") ;;
  fuzz) want=("${build[@]}" "${fuzz[@]}") ;;
  *) echo "usage: $0 build|run|quickstart|test|fuzz" >&2; exit 2 ;;
esac

missing=()
for package in "${want[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "$0: these packages are missing and only root can install them: ${missing[*]}" >&2
  exit 1
fi
echo "Installing ${#missing[@]} packages: ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# A service that a package brings is not to be started: what we need, we start ourselves.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
  trap 'rm -f $policy' EXIT
fi
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  echo "$0: apt-get failed; the whole log is in $log" >&2
  exit 1
fi
rm -f "$log"
