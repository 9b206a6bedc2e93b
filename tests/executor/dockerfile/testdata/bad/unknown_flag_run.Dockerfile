FROM a
RUN --mounts=type=bind x
