#!/usr/bin/env bash
# step.sh NAME COMMAND...: one line with the name and the time it took; what the command says only if it fails.
set -uo pipefail
name=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
begin=$SECONDS
if "$@" >"$log" 2>&1 </dev/null; then
  printf '%-40s ok %4d s\n' "$name" $((SECONDS - begin))
else
  code=$?
  printf '%-40s FAILED\n' "$name"
  cat "$log"
  exit "$code"
fi
