FROM --platform=$P a AS b
COPY --from=b --chown=1:2 --chmod=0644 --link --exclude=a --exclude='b c' --parents x y /z/
COPY --link=FALSE -- --x y
ADD --checksum=sha256:ab --keep-git-dir=true --unpack http://x/y /z
RUN --mount=type=cache,target=/c --mount=type=bind,target="/a b" --network=none --security=insecure --device=v.com/d=x,required cmd --flag
RUN --mount=type=cache,target=/à/é ls
HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=3 --start-period=0s --start-interval=100ms CMD a b
ARG --ignored=too X
CMD -- echo
