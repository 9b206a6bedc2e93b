#!/usr/bin/env python3
"""How time and memory grow with the work. Prints a line for each size, and for each row the exponent: with doubled work,
1.0 is doubled time.

usage: growth.py BIN_DIR [ROW[:SIZE[:SIZE...]][,ROW...]|all] [--full]

Each row is measured in a daemon of its own, with a registry on loopback. What counts is CPU time (of the daemon, what it
started, and the client), which holds while others use the machine; wall time stands beside it. Of three runs the least
counts. The exponent is the slope of the larger half of the sizes, with what the smallest costs taken off. Of stored runs
and records single calls are told too: the median over some, less what a client costs that asks for nothing ("version").
--full goes as far as issue and machine allow: half an hour, and some 25 GB in $TMPDIR. That should have a journal
(README.md, "Traps met").
"""
import json, math, os, re, shutil, signal, socket, sqlite3, statistics, subprocess, sys, tempfile, time

FULL = "--full" in sys.argv
TICK = os.sysconf("SC_CLK_TCK")


def sizes(first, usual, full, factor=2):
    out, last = [first], full if FULL else usual
    while out[-1] * factor <= last:
        out.append(out[-1] * factor)
    return out + [full] if FULL and out[-1] != full else out


class Site:
    """A registry and a daemon in a folder that goes with them."""

    def __init__(self, bin_dir, *options):
        self.bin, self.dir, self.options = bin_dir, tempfile.mkdtemp(prefix="slipway-growth."), list(options)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.registry = "127.0.0.1:%d" % s.getsockname()[1]
        with open(self.path("registry.yml"), "w") as f:
            f.write("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                    f"storage: {{filesystem: {{rootdirectory: {self.path('registry')}}}}}\nhttp: {{addr: '{self.registry}'}}\n")
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.registry_process = subprocess.Popen(["docker-registry", "serve", self.path("registry.yml")], **quiet)
        os.environ.update(SLIPWAY_SERVER="unix:" + self.path("socket"), XDG_CACHE_HOME=self.path("cache"))
        self.daemon = None
        self.start()

    def path(self, *names): return os.path.join(self.dir, *names)

    def start(self):
        log = open(self.path("log"), "ab")
        self.daemon = subprocess.Popen([os.path.join(self.bin, "slipwayd"), "--root", self.path("state"), "--listen",
                                        os.environ["SLIPWAY_SERVER"], "--registry", self.registry, *self.options],
                                       stdout=log, stderr=log)
        for _ in range(600):
            if self.call("version", check=False).returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("the daemon did not start:\n" + open(self.path("log")).read()[-2000:])

    def stop(self):
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(60)

    def __enter__(self): return self

    def __exit__(self, *_):
        self.stop()
        self.registry_process.kill()
        self.registry_process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def call(self, *argv, check=True):
        r = subprocess.run([os.path.join(self.bin, "slipway"), *argv], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and r.returncode:
            sys.exit("slipway %s: %s" % (" ".join(argv), r.stdout.decode(errors="replace")[-2000:]))
        return r

    def build(self, context, name="growth"): return self.call("build", "-q", "-t", f"{self.registry}/{name}:1", context)

    def context(self, dockerfile, name="context"):
        folder = self.path(name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        with open(os.path.join(folder, "Dockerfile"), "w") as f:
            f.write(dockerfile)
        return folder

    def base(self):
        """A base with a shell in it."""
        folder = self.context("FROM scratch\nCOPY busybox /bin/sh\nCOPY busybox /bin/busybox\n", "base")
        shutil.copy(shutil.which("busybox"), os.path.join(folder, "busybox"))
        self.build(folder, "base")
        return f"{self.registry}/base:1"

    def cpu(self):
        """Of the daemon, of what it has started and waited for, and of the clients."""
        fields = open(f"/proc/{self.daemon.pid}/stat").read().rsplit(")", 1)[1].split()
        t = os.times()
        return sum(map(int, fields[11:15])) / TICK + t.children_user + t.children_system

    def measure(self, work):
        """Seconds of wall and CPU, and the daemon's own peak of memory in MiB meanwhile."""
        open(f"/proc/{self.daemon.pid}/clear_refs", "w").write("5")
        cpu, wall = self.cpu(), time.monotonic()
        work()
        wall, cpu = time.monotonic() - wall, self.cpu() - cpu
        peak = int(re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{self.daemon.pid}/status").read())[1]) / 1024
        return wall, cpu, peak


def write(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


def files(site, n):
    folder = site.context("FROM scratch\nCOPY . /app\n")
    for i in range(n):
        write(f"{folder}/d{i // 100:04}/f{i % 100:02}", b"%d of %d\n" % (i, n) * 50)
    return lambda: site.build(folder)


def layers(site, n):
    folder = site.context("FROM scratch\n" + "".join(f"COPY f{i} /d/\n" for i in range(n)))
    for i in range(n):
        write(f"{folder}/f{i}", b"%d of %d\n" % (i, n))
    return lambda: site.build(folder)


def stages(site, n):
    """All of them needed: the last one copies from a hundred at most (an image has 127 layers), these from the others."""
    text = ""
    for i in range(n):
        text += f"FROM scratch AS s{i}\nCOPY f{i} /f\n" + (f"COPY --from=s{i - 100} /f /g\n" if i >= 100 else "")
    text += "FROM scratch\n" + "".join(f"COPY --from=s{i} / /{i}/\n" for i in range(max(0, n - 100), n))
    folder = site.context(text)
    for i in range(n):
        write(f"{folder}/f{i}", b"stage %d of %d\n" % (i, n))
    return lambda: site.build(folder)


def data(folder, n):
    """So many MB in files of ten, half of each random, half text that halves when compressed."""
    for i in range(n // 10):
        write(f"{folder}/data/{i}", os.urandom(5_000_000) + os.urandom(2_500_000).hex().encode())


def copied(site, n):
    folder = site.context("FROM scratch\nCOPY data /data\n")
    data(folder, n)
    return lambda: site.build(folder)


def written(site, n):
    """As much, by a step."""
    base = site.base()
    piece = "busybox dd if=/dev/urandom of=/d/$i bs=1000000 count=5; busybox cat /t >> /d/$i; i=$((i+1))"
    pieces = f"while [ $i -lt {n // 10} ]; do {piece}; done 2> /dev/null"
    folder = site.context(f"FROM {base}\nCOPY t /\nRUN i=0; busybox mkdir /d; {pieces}\n")
    write(f"{folder}/t", os.urandom(2_500_000).hex().encode())
    return lambda: site.build(folder)


def pulled(site, n):
    """A COPY onto a base that a daemon has never seen, and the push."""
    folder = site.context("FROM scratch\nCOPY data /data\n")
    data(folder, n)
    site.build(folder, "base")
    site.stop()
    shutil.rmtree(site.path("state"))
    site.start()
    folder = site.context(f"FROM {site.registry}/base:1\nCOPY Dockerfile /data/\n")
    return lambda: site.build(folder)


def log(site, n):
    """Written by a step, kept, followed by the client that waits for it, and read by another afterwards."""
    base = site.base()
    line = "yes 'a line of the output of a step, about as long as they are' | head -c %d" % (n * 1_000_000)
    folder = site.context(f"FROM {base}\nRUN busybox sh -c \"{line}\"\n")

    def read(*argv):
        """How much there was: all, or the row would count a log that was cut."""
        with subprocess.Popen([os.path.join(site.bin, "slipway"), *argv], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as p:
            told = subprocess.check_output(["wc", "-c"], stdin=p.stdout)
        if p.returncode or int(told) < n * 1_000_000:
            sys.exit(f"{argv}: {p.returncode}, {int(told)} bytes")

    def work():
        read("build", "--progress", "plain", "-t", f"{site.registry}/growth:1", folder)
        read("logs", re.search(r"^\S+", site.call("runs", "--top", "1").stdout.decode().splitlines()[-1])[0])
    return work


def concurrent(site, n):
    base = site.base()
    folders = []
    for i in range(n):
        folders.append(site.context(f"FROM {base}\nRUN echo {i} of {n} > /a\n", f"c{i}"))

    def work():
        processes = [subprocess.Popen([os.path.join(site.bin, "slipway"), "build", "-q", "-t", f"{site.registry}/c{i}:1", f],
                                      stdout=subprocess.DEVNULL) for i, f in enumerate(folders)]
        if any([p.wait() for p in processes]):
            sys.exit("a build failed")
    return work


def fill(path, statements):
    with sqlite3.connect(path) as db:
        for statement in statements:
            db.execute(statement)


def latency(site, *argv, times=15):
    """Milliseconds of a call, less those of one that asks for nothing."""
    def median(*call):
        taken = []
        for _ in range(times):
            begin = time.monotonic()
            site.call(*call)
            taken.append(time.monotonic() - begin)
        return statistics.median(taken) * 1000
    return max(0.0, median(*argv) - median("version"))


def dispatch(site, folder, times=15):
    """Milliseconds from a run's acceptance to its start, as they are recorded."""
    for _ in range(times):
        site.build(folder)
    listed = json.loads(site.call("runs", "--top", str(times), "-o", "json").stdout)
    listed = listed.get("runs", listed) if isinstance(listed, dict) else listed

    def nanos(text):
        whole, part = re.match(r"(.*?)(?:\.(\d+))?Z$", text).groups()
        return int(time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))) * 10**9 + int((part or "0").ljust(9, "0"))
    return statistics.median(nanos(r["startTime"]) - nanos(r["createTime"]) for r in listed) / 1e6


def runs(site, n):
    """A page of the list, one run shown, and one run from its request to its end; among runs of many kinds."""
    folder = site.context("FROM scratch\nCOPY Dockerfile /\n")
    site.build(folder)
    site.stop()
    database = site.path("state/runs.db")
    columns = [r[1] for r in sqlite3.connect(database).execute("PRAGMA table_info(run)")]
    images = [r[1] for r in sqlite3.connect(database).execute("PRAGMA table_info(run_image)")]
    own = {"number": "r.number + s.n", "id": "r.id || 'x' || s.n", "request_id": "NULL",
           "create_time": "r.create_time - (%d - s.n) * 1000000" % n, "task": "'task' || (s.n % 997)",
           "state": "CASE WHEN s.n % 1000 = 7 THEN 'Failed' ELSE r.state END", "trigger_kind": "s.n % 4"}
    image = {"run_number": "i.run_number + s.n", "repository": "'app' || (s.n % 499)", "tag": "'v' || s.n"}
    series = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {n}) INSERT OR IGNORE INTO "
    fill(database, [
        f"{series} run ({','.join(columns)}) SELECT {','.join(own.get(c, 'r.' + c) for c in columns)} "
        "FROM s, (SELECT * FROM run LIMIT 1) r",
        f"{series} run_image ({','.join(images)}) SELECT {','.join(image.get(c, 'i.' + c) for c in images)} "
        "FROM s, (SELECT * FROM run_image LIMIT 1) i",
        f"UPDATE setting SET value = value + {n} WHERE name = 'next_run_number'"])
    site.start()
    shown = re.search(r"^\S+", site.call("runs").stdout.decode().splitlines()[-1])[0]

    def work():
        for _ in range(5):
            site.call("runs")
            site.call("show", shown)
            site.build(folder)

    def tell():
        calls = {"list": ["runs"], "failed": ["runs", "--status", "failed"],
                 "ended": ["runs", "--status", "failed", "--status", "succeeded"], "task": ["runs", "--task", "task5"],
                 "no task": ["runs", "--task", "none"], "timer": ["runs", "--trigger", "timer"],
                 "image": ["runs", "--image", "app5:v5"], "no image": ["runs", "--image", "none"],
                 "show": ["show", shown]}
        told = ["%s %.1f" % (name, latency(site, *call)) for name, call in calls.items()]
        return "ms: " + ", ".join(told) + ", dispatch %.1f" % dispatch(site, folder)
    work.tell = tell
    return work


def records(site, n):
    """A build of which every step is known, among others that are."""
    folder = site.context("FROM scratch\nCOPY Dockerfile /\nCOPY Dockerfile /a\n")
    site.build(folder)
    site.stop()
    fill(site.path("state/builder/cache.db"), [
        f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {n}) INSERT OR IGNORE INTO record "
        "SELECT randomblob(32), r.chain, r.name, r.created, r.last_used FROM s, (SELECT * FROM record LIMIT 1) r",
        "INSERT OR IGNORE INTO alias SELECT randomblob(32), key, created FROM record"])
    site.start()

    def work():
        for _ in range(10):
            site.build(folder)
    work.tell = lambda: "ms: a build of which all is known %.1f" % latency(site, "build", "-q", folder)
    return work


ROWS = {  # name: work, sizes, unit
    "files": (files, sizes(1000, 32_000, 128_000), "files of a context"),
    "layers": (layers, [1, 15, 30, 60, 120], "layers"),
    "stages": (stages, [1, 25, 50, 100, 200], "stages"),
    "copied": (copied, sizes(10, 640, 8000, 4), "MB copied into an image and pushed"),
    "written": (written, sizes(10, 640, 8000, 4), "MB written by a step and pushed"),
    "pulled": (pulled, sizes(10, 640, 8000, 4), "MB of a base pulled, for a COPY and a push"),
    "log": (log, sizes(1, 64, 1000), "MB of output"),
    "concurrent": (concurrent, sizes(1, 32, 64), "runs at once"),
    "runs": (runs, sizes(1000, 100_000, 1_000_000, 10), "stored runs"),
    "records": (records, sizes(1000, 100_000, 1_000_000, 10), "stored cache records"),
}


REPEATS = 3  # of what takes seconds; the least counts, since others on the machine only add
OPTIONS = {"log": ["--max-log-bytes", "2000000000"], "concurrent": ["--max-runs", "64"]}  # of the daemon


def exponent(points):
    """The slope over the larger half of the sizes; what does not grow with the size is taken off first."""
    n0, fixed = points[0]
    if points[-1][1] < 1.5 * fixed + 0.05:
        return "flat"
    half = [(n - n0, max(t - fixed, 1e-3)) for n, t in points[max(1, len(points) // 2):]]
    if len(half) < 2:
        return "of too few sizes"
    (n1, t1), (n2, t2) = half[0], half[-1]
    return "%.2f" % (math.log(t2 / t1) / math.log(n2 / n1))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # in order: nothing stays behind
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    if not names:
        sys.exit(__doc__)
    chosen = ROWS if len(names) < 2 or names[1] == "all" else names[1].split(",")
    for row in chosen:
        name, *wanted = row.split(":")
        make, ns, unit = ROWS[name]
        ns = [int(n) for n in wanted] or ns
        cpu_points, wall_points = [], []
        for n in ns:
            best = None
            for _ in range(REPEATS):
                with Site(os.path.abspath(names[0]), *OPTIONS.get(name, [])) as site:
                    work = make(site, n)
                    os.sync()
                    measured = site.measure(work)
                    told = work.tell() if hasattr(work, "tell") else ""
                best = tuple(map(min, best, measured)) if best else measured
                if told or measured[0] > 10:
                    break
            wall, cpu, peak = best
            cpu_points.append((n, cpu))
            wall_points.append((n, wall))
            print(f"{name}\t{n} {unit}\twall {wall:.2f} s\tcpu {cpu:.2f} s\tdaemon {peak:.0f} MiB\t{told}".rstrip(), flush=True)
        print(f"{name}\texponent\tcpu {exponent(cpu_points)}\twall {exponent(wall_points)}", flush=True)


main()
