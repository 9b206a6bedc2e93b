#!/usr/bin/env bash
# Makes a cluster where there is none, and runs what lies in /docker-entrypoint-initdb.d on it; as the user postgres.
set -Eeuo pipefail
[ ! -s "$PGDATA/PG_VERSION" ] || exit 0
if [ -z "${POSTGRES_PASSWORD:-}" ]; then
  echo >&2 "$0: POSTGRES_PASSWORD is not set: a database without a password is for everybody"
  exit 1
fi
initdb --username=postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256
printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
# It is reached by its socket only while it is being filled.
pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
for file in /docker-entrypoint-initdb.d/*; do
  case $file in
    *.sh) echo "$0: running $file"; bash "$file" ;;
    *.sql) echo "$0: running $file"; psql -v ON_ERROR_STOP=1 --no-psqlrc -U postgres -f "$file" ;;
    *) echo "$0: ignoring $file" ;;
  esac
done
pg_ctl -D "$PGDATA" -m fast -w stop
echo "$0: the cluster is ready"
