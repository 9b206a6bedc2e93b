# a file about lines that go on
FROM a

RUN one \
    two \

    # a comment between, after a blank line
  three
RUN x \\
ENV A=1 \   
    B=2 \
# comment \
    C=3
\
  LABEL \
  d=e
RUN last \
