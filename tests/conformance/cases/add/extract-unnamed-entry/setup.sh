python3 - <<'P'
import io, tarfile
t = tarfile.open("t.tar", "w", format=tarfile.USTAR_FORMAT)
for name, text in (("", b""), (".", b""), ("one", b"1\n"), ("d/two", b"2\n")):
    i = tarfile.TarInfo(name); i.size = len(text); i.mtime = 1600000000
    t.addfile(i, io.BytesIO(text))
t.close()
P
