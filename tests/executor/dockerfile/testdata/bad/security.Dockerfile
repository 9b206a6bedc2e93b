FROM a
RUN --security=insecur y
