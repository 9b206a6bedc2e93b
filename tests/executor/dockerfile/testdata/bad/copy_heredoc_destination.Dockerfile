FROM a
COPY a <<E
E
