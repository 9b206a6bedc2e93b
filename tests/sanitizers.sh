#!/bin/bash
# Builds with AddressSanitizer + UBSan and with ThreadSanitizer and runs the unit tests under each.
#   tests/sanitizers.sh [asan|tsan]     default both
set -euo pipefail
cd "$(dirname "$0")/.."
cmake/install-packages.sh test
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 TSAN_OPTIONS="halt_on_error=1 suppressions=$PWD/tests/tsan.supp"
ulimit -s 65536 # a function's variables take several times as much; what recurses is bounded for 8 MiB without
for preset in ${1:-asan tsan}; do
  cmake --preset "$preset"
  cmake --build --preset "$preset"
  ctest --preset "$preset" -j "$(nproc)"
done
echo "The unit tests pass under: ${1:-asan and tsan}."
