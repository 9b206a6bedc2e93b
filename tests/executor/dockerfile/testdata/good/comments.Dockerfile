# first

# second
FROM a
# third
#
# fourth
  # fifth
RUN b
RUN c
