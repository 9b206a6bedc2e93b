# Stands for the project's download page: the tarball of its release as Debian keeps it.
FROM debian:bookworm-slim AS fetch
WORKDIR /source
RUN sed -n 's/^deb /deb-src /p' /etc/apt/sources.list >/etc/apt/sources.list.d/source.list \
    && apt-get update \
    && apt-get source --download-only memcached
FROM scratch
COPY --from=fetch /source/memcached_*.orig.tar.xz /memcached.tar.xz
