# EsCaPe = `
#  syntax=docker/dockerfile:1
# check=skip=all;error=true rest
# other=1
# escape=\
FROM a
RUN b `
  c
ENV D=e`
f G=C:\x H=`"q`"
COPY --chown="a`"b" ["x", "C:\\y"]
