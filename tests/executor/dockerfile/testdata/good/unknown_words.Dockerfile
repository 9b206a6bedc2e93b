FROM a
FOO bar baz
ONBUILD BAR x
é
