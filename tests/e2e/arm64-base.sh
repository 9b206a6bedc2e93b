#!/bin/bash
# A root file system of Debian for arm64, by debootstrap from Debian's packages, as an OCI layout.
#   arm64-base.sh DIR      copies the layout to DIR; its tag is "debian"
# It is made once and kept beside the other bases of the tests. The packages are unpacked but not configured
# (debootstrap --foreign): nothing of arm64 has to run for that.
set -euo pipefail
to=$1
cache=${SLIPWAY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway-tests}
mkdir -p "$cache"
exec 9>"$cache/arm64.lock"
flock 9
if [ ! -f "$cache/arm64/complete" ]; then
  rm -rf "$cache/arm64"
  mkdir "$cache/arm64"
  root=$cache/arm64/root
  debootstrap --foreign --arch arm64 --variant=minbase bookworm "$root" ${CONF_MIRROR:-}
  rm -rf "${root:?}"/debootstrap "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
    "$root"/usr/share/{doc,man,locale,info}
  # debootstrap leaves a link to the host's own /proc, and devices.
  rm -rf "${root:?}/proc" "${root:?}/dev"
  mkdir "$root/proc" "$root/dev"
  image=$cache/arm64/image
  umoci init --layout "$image"
  umoci new --image "$image:debian"
  umoci insert --image "$image:debian" "$root" /
  umoci config --image "$image:debian" --architecture arm64 --os linux --config.cmd bash \
    --config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  umoci gc --layout "$image"
  rm -rf "$root"
  touch "$cache/arm64/complete"
fi
cp -r "$cache/arm64/image" "$to"
