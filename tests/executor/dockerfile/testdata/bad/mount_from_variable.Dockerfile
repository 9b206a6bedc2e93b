FROM a
RUN --mount=from=$A,target=/x y
