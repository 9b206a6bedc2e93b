FROM a
RUNX [31m	red
