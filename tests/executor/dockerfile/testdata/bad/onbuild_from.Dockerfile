FROM a
onbuild from x
