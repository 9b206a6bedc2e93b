#!/bin/bash
# W6r pull and run: as W6, with a RUN, so that the base has to be unpacked.
. "$(dirname "$(readlink -f "$0")")/lib.sh"; out "$1"
echo 0 > nonce
cat > Dockerfile <<D
ARG REG=127.0.0.1:5005
FROM \$REG/base/debian:12
COPY nonce /nonce
RUN cat /nonce > /copy
D
fixtimes
