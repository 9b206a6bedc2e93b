#!/usr/bin/env bash
# Starts the database, after it was made; leaves root before that.
set -Eeuo pipefail
if [ "${1:0:1}" = - ]; then
  set -- postgres "$@"
fi
if [ "$1" = postgres ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown postgres "$PGDATA" /var/run/postgresql
    chmod 0700 "$PGDATA"
    exec gosu postgres "$0" "$@"
  fi
  docker-enforce-initdb.sh
fi
exec "$@"
