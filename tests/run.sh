#!/bin/bash
# The tests, complete: installs the packages that are missing, builds, runs unit and integration tests, the conformance
# cases and the examples. Safe to repeat. Long runs have commands of their own:
# tests/sanitizers.sh, tests/crash.sh, tests/power.sh, tests/fuzz.sh, tests/projects.sh.
#
#   tests/run.sh [--quick]      --quick leaves out conformance and the examples
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
quick=
[ "${1:-}" = --quick ] && quick=1
started=$SECONDS
step() { printf '\n== [%4d s] %s\n' $((SECONDS - started)) "$*"; }

step "Packages"
cmake/install-packages.sh test

step "Scripts"
shellcheck -S warning cmake/*.sh examples/*.sh tests/*.sh tests/bench/*.sh tests/e2e/*.sh tests/e2e/hooks/*.sh tests/projects/*/*.sh tests/conformance/run.sh .ci/run

step "Build (preset release)"
log=$(mktemp)
if ! { cmake --preset release -DSLIPWAY_TESTS=ON && cmake --build --preset release; } >"$log" 2>&1; then
  grep -E 'error|FAILED' "$log" | head -n 40 >&2
  tail -n 20 "$log" >&2
  echo "tests/run.sh: the build failed; its log is in $log" >&2
  exit 1
fi
rm -f "$log"

step "Unit and integration tests"
ctest --preset release -j "$(nproc)" --output-on-failure --no-tests=error

if [ -z "$quick" ]; then
  step "Conformance: images as BuildKit makes them"
  tests/conformance/run.sh build/release/bin

  step "The examples"
  SLIPWAY_BIN=$top/build/release/bin examples/quickstart.sh
  SLIPWAY_BIN=$top/build/release/bin examples/deploy-on-push.sh
fi

step "Done"
echo "All tests passed: the programs are in build/release/bin, nothing was left running or mounted."
