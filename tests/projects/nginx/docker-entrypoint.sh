#!/bin/sh
# Runs the scripts of /docker-entrypoint.d in their order, then what it was told to.
set -e
say() { [ -n "${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ] || echo "$0: $*"; }
if [ "$1" = nginx ]; then
  for script in /docker-entrypoint.d/*.sh; do
    if [ -x "$script" ]; then
      say "running $script"
      "$script"
    else
      say "ignoring $script, which is not executable"
    fi
  done
  say "ready"
fi
exec "$@"
