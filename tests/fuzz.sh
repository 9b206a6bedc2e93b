#!/bin/bash
# Builds the fuzzers and lets each run for a while on its corpus; the first failure ends it and leaves its input.
#   tests/fuzz.sh [--seconds N] [--only NAME]...       default: 20 seconds each, two at a time
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
seconds=20
only=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --only) only+=("$2"); shift 2 ;;
    *) echo "usage: $0 [--seconds N] [--only NAME]..." >&2; exit 2 ;;
  esac
done
cmake/install-packages.sh fuzz
log=$(mktemp)
if ! { cmake --preset fuzz && cmake --build --preset fuzz --target fuzzers; } >"$log" 2>&1; then
  grep -E 'error|FAILED' "$log" | head -n 20 >&2
  echo "tests/fuzz.sh: the build failed; its log is in $log" >&2
  exit 1
fi
rm -f "$log"

if [ ${#only[@]} -eq 0 ]; then
  for file in tests/fuzz/*_fuzzer.cc; do name=${file##*/}; only+=("${name%_fuzzer.cc}"); done
fi
# One fuzzer: seeds are read from the tree, what it finds new goes to a folder that is thrown away.
fuzz() {
  local name=$1 work
  work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-fuzz-$name.XXXXXX")
  mkdir "$work/new" "$work/found"
  local options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1
    -artifact_prefix="$work/found/")
  [ ! -f "tests/fuzz/$name.dict" ] || options+=(-dict="tests/fuzz/$name.dict")
  if "build/fuzz/bin/${name}_fuzzer" "${options[@]}" "$work/new" "tests/fuzz/corpus/$name" >"$work/log" 2>&1; then
    echo "ok    $name: $(awk '/number_of_executed_units/ {print $2}' "$work/log") inputs in $seconds s"
    rm -rf "$work"
  else
    echo "FAIL  $name: the input is in $work/found, the log in $work/log"
    tail -n 25 "$work/log"
    return 1
  fi
}
export -f fuzz
export seconds
printf '%s\n' "${only[@]}" | xargs -P "$(nproc)" -I{} bash -c 'fuzz {}'
echo "The fuzzers found nothing: ${only[*]}."
