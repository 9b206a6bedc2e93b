export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b GIT_AUTHOR_DATE='1600000000 +0000' GIT_COMMITTER_DATE='1600000000 +0000'
git init -q -b master $WORK/repo; cd $WORK/repo
printf 'FROM %s/conf/busybox\nRUN --mount=target=/c if [ -f /c/.git/HEAD ]; then echo kept; else echo gone; fi > /o\n' $REG > Dockerfile
git add .; git commit -q -m first; git clone -q --bare . $WORK/http/repo.git; git -C $WORK/http/repo.git update-server-info
