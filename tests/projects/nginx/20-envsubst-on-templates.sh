#!/bin/sh
# Each /etc/nginx/templates/X.template becomes /etc/nginx/conf.d/X, with the variables of the environment put in; what is
# no such variable ($host, $uri) stays.
set -e
defined=$(env | cut -d= -f1 | sed 's/.*/${&}/')
for template in /etc/nginx/templates/*.template; do
  [ -e "$template" ] || continue
  name=$(basename "$template" .template)
  envsubst "$defined" <"$template" >"/etc/nginx/conf.d/$name"
done
