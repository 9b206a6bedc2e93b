FROM a
RUN b \

  c
COPY <<E /d
line
E
ENV X=y
