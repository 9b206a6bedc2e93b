FROM a
RUN <<EOF
# kept
  kept too \

EOF
RUN 3<<-FD cat <&3
		tabs
	FD
COPY <<one <<'two three' plain /dest/
1 $A
one
2 $A
two three
RUN <<E"O"F
no expansion
EOF
RUN <<  spaced > /f
x
spaced
RUN <<$name
y
$name
RUN echo "<<quoted" '<<quoted' \<<escaped <<<string
escaped
RUN echo it's <<open
LABEL open=quote
RUN ["cat", "<<json"]
ONBUILD COPY <<in /x
body
in
USER <<none
