#!/bin/sh
# Options alone are those of memcached.
set -e
if [ "${1#-}" != "$1" ]; then
  set -- memcached "$@"
fi
exec "$@"
