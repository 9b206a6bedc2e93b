#!/bin/bash
# Builds with AddressSanitizer + UBSan and with ThreadSanitizer, runs the unit tests under each, and the end-to-end
# scripts with a daemon built so. The second half needs root and takes ten minutes.
#   tests/sanitizers.sh [asan|tsan]     default both
set -euo pipefail
cd "$(dirname "$0")/.."
cmake/install-packages.sh test
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
scripts="builds inputs cache outputs tasks task_services task_store apply webhooks base_update credentials secrets prune"
ulimit -s 65536 # a function's variables take several times as much; what recurses is bounded for 8 MiB without

# With what end-to-end scripts find in programs that go on: a report is a file.
end_to_end() {
  local preset=$1 script failed=
  export ASAN_OPTIONS="detect_leaks=1 log_path=$reports/$preset" UBSAN_OPTIONS="print_stacktrace=1 log_path=$reports/$preset"
  export TSAN_OPTIONS="halt_on_error=0 exitcode=0 log_path=$reports/$preset suppressions=$PWD/tests/tsan.supp"
  export DAEMON_MIB=2000 # a sanitizer's own memory is beside the daemon's
  for script in $scripts; do
    "tests/e2e/$script.sh" "build/$preset/bin" >"$reports/log" 2>&1 || { failed=1; grep '^FAIL' "$reports/log" || tail -n 5 "$reports/log"; }
  done
  for report in "$reports/$preset".*; do
    [ -e "$report" ] || continue
    failed=1
    cat "$report"
  done
  [ -z "$failed" ] || { echo "tests/sanitizers.sh: not clean under $preset" >&2; return 1; }
}

for preset in ${1:-asan tsan}; do
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/tests/tsan.supp"
  unset UBSAN_OPTIONS
  ctest --preset "$preset" -j "$(nproc)"
  [ "$(id -u)" -ne 0 ] || end_to_end "$preset"
done
echo "Nothing was found under: ${1:-asan and tsan}."
