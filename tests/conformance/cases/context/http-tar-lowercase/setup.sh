mkdir $WORK/c; printf 'FROM scratch\nCOPY f /f\n' > $WORK/c/dockerfile; echo f > $WORK/c/f; tar --sort=name --mtime=@1600000000 --owner=0 --group=0 -czf $WORK/http/c.tar.gz -C $WORK/c .
