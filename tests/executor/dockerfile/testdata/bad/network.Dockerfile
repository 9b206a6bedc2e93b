FROM a
RUN --network=hosts y
