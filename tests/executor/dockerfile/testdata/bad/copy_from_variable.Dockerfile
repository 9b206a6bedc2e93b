ARG X=a
FROM a
COPY --from=$X a b
