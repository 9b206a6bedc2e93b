FROM a
RUN --device=v/c=x,requird y
