#!/usr/bin/env python3
"""Runs the workloads against the peers and prints one TSV row per run.  See README.md.

usage: run.sh [PEER[,PEER...]|all] [WORKLOAD[,WORKLOAD...]|all] [-n RUNS]
Peers are interleaved: run 1 of every peer, then run 2, ...
"""
import resource, os, select, sys, time, json, subprocess, threading, shutil, random, urllib.request, glob

E = os.environ.get
HERE = os.path.dirname(os.path.realpath(__file__))
BENCH = E("BENCH_DIR") or os.path.join(E("TMPDIR", "/tmp"), "peers")
REG = "127.0.0.1:" + E("REG_PORT", "5005")
CTX = os.path.join(BENCH, "ctx")
DOCKER = E("DOCKER", "/usr/bin/docker")
BUILDAH = E("BUILDAH", "buildah")
BUILDCTL = E("BUILDCTL") or next((p for p in [os.path.join(BENCH, "bin", "buildctl")] if os.path.exists(p)), "buildctl")
BUILDKIT_ADDR = E("BUILDKIT_ADDR", f"unix://{BENCH}/run/buildkitd.sock")
KANIKO = E("KANIKO", os.path.join(BENCH, "bin", "kaniko-executor"))
SLIPWAY = os.path.join(E("SLIPWAY_BIN", os.path.join(HERE, "..", "..", "build", "release", "bin")), "slipway")
TIMEOUT = int(E("RUN_TIMEOUT", "900"))
CG = "/sys/fs/cgroup/cpuacct"
HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
LOG = os.path.join(BENCH, "log", "bench.log")


# ---------------------------------------------------------------- measuring
def cg_stat(dirs):
    u = s = 0
    for d in dirs:
        try:
            f = dict(l.split() for l in open(f"{CG}/{d}/cpuacct.stat"))
            u += int(f["user"]); s += int(f["system"])
        except OSError:
            pass
    return u / HZ, s / HZ


def cg_rss(dirs):
    tot, seen = 0, set()
    for d in dirs:
        for root, _, _ in os.walk(f"{CG}/{d}"):
            try:
                pids = open(root + "/cgroup.procs").read().split()
            except OSError:
                continue
            for p in pids:
                if p in seen:
                    continue
                seen.add(p)
                try:
                    tot += int(open(f"/proc/{p}/statm").read().split()[1]) * PAGE
                except (OSError, IndexError):
                    pass
    return tot


def busy():
    """CPU seconds of everything on the machine, and of this script itself."""
    c = [int(x) for x in open("/proc/stat").readline().split()[1:]]
    return (sum(c[:3]) + c[5] + c[6]) / HZ, time.process_time()


def wait_quiet():
    """Waits (QUIET_WAIT seconds at most) until others use less than a tenth of one core for 1.5 s."""
    end = time.monotonic() + float(E("QUIET_WAIT", "60"))
    while time.monotonic() < end:
        b0 = busy()[0]; time.sleep(1.5)
        if busy()[0] - b0 < 0.15:
            return


class Sampler(threading.Thread):
    def __init__(self, dirs):
        super().__init__(daemon=True)
        self.dirs, self.peak, self.stop = dirs, 0, False

    def run(self):
        while not self.stop:
            self.peak = max(self.peak, cg_rss(self.dirs))
            time.sleep(0.05)


def spawn(peer, argv, env=None, cwd=None):
    """A process in the peer's cgroup that becomes the command once go() is called. The kernel waits out a grace period, 8 to
    20 ms, when a process is moved into a cgroup: that is this script's time, not the peer's."""
    d = f"{CG}/{peer.cgroups[0]}"
    os.makedirs(d, exist_ok=True)

    def pre():
        try:
            open(d + "/tasks", "w").write(str(os.getpid()))
        except OSError:
            pass
    lg = open(LOG, "ab")
    lg.write(("\n$ " + " ".join(argv) + "\n").encode()); lg.flush()
    start, p_go = os.pipe()
    p = subprocess.Popen(["sh", "-c", f'read go <&{start} || exit; exec {start}<&-; exec "$@"', "sh", *argv], env={**os.environ, **(env or {})},
                         cwd=cwd, preexec_fn=pre, pass_fds=[start], stdin=subprocess.DEVNULL, stdout=lg, stderr=lg)
    os.close(start); lg.close()
    p.go_fd = p_go
    return p


def go(p):
    os.write(p.go_fd, b"\n")
    os.close(p.go_fd)


def forget(p):
    """Ends one that is not needed any more. Where this script ends first, what waits ends too: nobody can let it go."""
    p.kill(); os.close(p.go_fd); p.wait()


def wait(p):
    """Its exit status, as soon as it has ended: Popen.wait with a time limit looks only every 50 ms."""
    fd = os.pidfd_open(p.pid)
    try:
        poll = select.poll(); poll.register(fd, select.POLLIN)
        if not poll.poll(TIMEOUT * 1000):
            p.kill(); p.wait()
            return -9
        return p.wait()
    finally:
        os.close(fd)


def sh(argv, env=None, check=False):
    r = subprocess.run(argv, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT)
    with open(LOG, "ab") as f:
        f.write(("\n# " + " ".join(argv) + "\n").encode() + r.stdout)
    if check and r.returncode:
        raise RuntimeError(" ".join(argv) + "\n" + r.stdout.decode(errors="replace")[-2000:])
    return r


# ---------------------------------------------------------------- peers
class Peer:
    env = {}

    def steps(self, ctx, image, wl):           # list of (phase, argv)
        raise NotImplementedError

    def wipe(self): pass                       # empty the whole store
    def version(self): return "?"


class Docker(Peer):
    name, cgroups = "docker", ["bench/docker", "docker"]
    env = {"DOCKER_HOST": f"unix://{BENCH}/run/docker.sock", "DOCKER_BUILDKIT": "1"}

    def steps(self, ctx, image, wl):
        return [("build", [DOCKER, "build", "-q", "--network=host", "--build-arg", f"REG={REG}", "-t", image, ctx]),
                ("push", [DOCKER, "push", "-q", image])]

    def wipe(self):
        ids = sh([DOCKER, "images", "-aq"], self.env).stdout.decode().split()
        if ids: sh([DOCKER, "rmi", "-f"] + sorted(set(ids)), self.env)
        sh([DOCKER, "image", "prune", "-af"], self.env)
        sh([DOCKER, "builder", "prune", "-af"], self.env)

    def version(self): return sh([DOCKER, "version", "-f", "{{.Server.Version}}"], self.env).stdout.decode().strip()


class Buildah(Peer):
    cgroups = ["bench/buildah"]
    env = {"CONTAINERS_STORAGE_CONF": f"{BENCH}/containers/storage.conf",
           "CONTAINERS_REGISTRIES_CONF": f"{BENCH}/containers/registries.conf", "STORAGE_DRIVER": "overlay"}
    iso = "chroot"
    comp, opts = [], []
    bin = BUILDAH

    def steps(self, ctx, image, wl):
        iso = ["--isolation", self.iso] + (["--runtime", E("OCI_RUNTIME", "runc")] if self.iso == "oci" else [])
        pol = ["--signature-policy", f"{BENCH}/containers/policy.json"]
        return [("build", [self.bin, "build", "-q", *pol, "--layers", "--jobs", "0", *iso, "--network", "host", "--tls-verify=false", *self.opts,
                           "--build-arg", f"REG={REG}", "-t", image, ctx]),
                ("push", [self.bin, "push", "-q", *pol, "--tls-verify=false", *self.comp, image, "docker://" + image])]

    def wipe(self):
        sh([self.bin, "rm", "-a"], self.env)
        sh([self.bin, "rmi", "-a", "-f"], self.env)

    def version(self): return sh([self.bin, "--version"]).stdout.decode().split()[2]


class BuildahChroot(Buildah): name = "buildah-chroot"
class BuildahOci(Buildah): name, iso = "buildah-oci", "oci"
class BuildahZstd(Buildah): name, comp = "buildah-zstd", ["--compression-format", "zstd"]


class BuildahNew(Buildah):                      # a second, newer buildah, if the environment names one
    # newer ones raise limits in the container, which fails where the machine's own hard limits are lower
    opts = ["--ulimit", "nofile=%d:%d" % resource.getrlimit(resource.RLIMIT_NOFILE),
            "--ulimit", "nproc=%d:%d" % resource.getrlimit(resource.RLIMIT_NPROC)]
    name, bin = "buildah-new", E("BUILDAH_NEW", os.path.join(BENCH, "bin", "buildah-1.41"))
    env = {**Buildah.env, "CONTAINERS_STORAGE_CONF": f"{BENCH}/containers/storage-new.conf"}


class BuildahNewOci(BuildahNew): name, iso = "buildah-new-oci", "oci"
class BuildahNewZstd(BuildahNew): name, comp = "buildah-new-zstd", ["--compression-format", "zstd"]


class Buildkit(Peer):
    name, cgroups = "buildkit", ["bench/buildkit", "buildkit"]
    out = ""

    def steps(self, ctx, image, wl):
        return [("build+push", [BUILDCTL, "--addr", BUILDKIT_ADDR, "build", "--progress=plain", "--frontend", "dockerfile.v0",
                 "--local", f"context={ctx}", "--local", f"dockerfile={ctx}", "--opt", f"build-arg:REG={REG}",
                 "--output", f"type=image,name={image},push=true,registry.insecure=true{self.out}"])]

    def wipe(self): sh([BUILDCTL, "--addr", BUILDKIT_ADDR, "prune", "--all"])
    def version(self): return sh([BUILDCTL, "--addr", BUILDKIT_ADDR, "--version"]).stdout.decode().split()[2]


class BuildkitZstd(Buildkit):
    name, out = "buildkit-zstd", ",oci-mediatypes=true,compression=zstd"


class Kaniko(Peer):                             # one throwaway root per build; the executor is bind-mounted in
    name, cgroups = "kaniko", ["bench/kaniko"]
    extra = []

    def steps(self, ctx, image, wl):
        cache = ["--cache=true", "--cache-copy-layers", "--cache-repo", image.rsplit(":", 1)[0] + "-cache"] if wl == "w1" else []
        script = ('set -e; R=$(mktemp -d "$1/kroot.XXXXXX"); mkdir -p $R/kaniko $R/proc $R/dev $R/etc $R/tmp $R/workspace; '
                  'cp /etc/resolv.conf /etc/hosts $R/etc/; ln "$2" $R/kaniko/executor 2>/dev/null || cp "$2" $R/kaniko/executor; '
                  'mount -t proc proc $R/proc; mount --rbind /dev $R/dev; mount --bind "$3" $R/workspace; shift 3; '
                  'exec chroot $R /kaniko/executor "$@"')
        return [("build+push", ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", os.path.join(BENCH, "kaniko"), KANIKO, ctx,
                 "--force", "--context", "dir:///workspace", "--dockerfile", "/workspace/Dockerfile", "--destination", image, "--insecure",
                 "--insecure-pull", "--build-arg", f"REG={REG}", "--verbosity", "warn", *cache, *self.extra])]

    def wipe(self):
        for d in glob.glob(os.path.join(BENCH, "kaniko", "kroot.*")):
            subprocess.run(["rm", "-rf", "--one-file-system", d])

    def version(self): return "kaniko"


class KanikoZstd(Kaniko): name, extra = "kaniko-zstd", ["--compression", "zstd", "--compression-level", "3"]


class Slipway(Peer):                            # peers.sh starts the daemon; one command builds and pushes
    name, cgroups = "slipway", ["bench/slipway", "slipway"]
    env = {"SLIPWAY_SERVER": f"unix:{BENCH}/run/slipway.sock", "XDG_CACHE_HOME": f"{BENCH}/slipway-cache"}
    opts = []

    def steps(self, ctx, image, wl):
        return [("build+push", [SLIPWAY, "build", "-q", "--build-arg", f"REG={REG}", "-t", image, *self.opts, ctx])]

    # An empty store: the daemon is stopped, its state removed, and started again, outside the time that is measured.
    def wipe(self): sh([os.path.join(HERE, "peers.sh"), "wipe-slipway"], check=True)
    def version(self): return sh([SLIPWAY, "--version"]).stdout.decode().strip()


class SlipwayZstd(Slipway):
    name, opts = "slipway-zstd", ["--compression", "zstd"]


PEERS = {c.name: c for c in (Slipway, SlipwayZstd, Docker, BuildahChroot, BuildahOci, BuildahZstd, BuildahNew, BuildahNewOci, BuildahNewZstd, Buildkit, BuildkitZstd, Kaniko, KanikoZstd)}
WORK = ["w1", "w2", "w3", "w4", "w5", "w6", "w6r", "w7", "w8", "w9"]


# ---------------------------------------------------------------- workloads
def context(w):
    src = glob.glob(f"{HERE}/workloads/{w}-*.sh")[0]
    d = os.path.join(CTX, w)
    if not os.path.exists(os.path.join(d, ".done-" + w)) and not os.path.exists(d + ".done"):
        os.makedirs(CTX, exist_ok=True)
        subprocess.run(["bash", src, d], check=True)
        open(d + ".done", "w").close()
    return d


def nonce(d, w):
    v = "%032x\n" % random.getrandbits(128)
    for p in (["data/nonce"] if w == "w4" else [f"c{i}/nonce" for i in range(16)] if w == "w8" else ["nonce"]):
        if os.path.exists(os.path.join(d, p)):
            open(os.path.join(d, p), "w").write(v if w != "w8" else p + v)


def layer_bytes(image):
    repo, tag = image.split("/", 1)[1].rsplit(":", 1)
    rq = urllib.request.Request(f"http://{REG}/v2/{repo}/manifests/{tag}", headers={"Accept": ", ".join([
        "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json"])})
    m = json.load(urllib.request.urlopen(rq))
    return sum(l["size"] for l in m.get("layers", [])), len(m.get("layers", []))


def drop_repo(image):
    """Removes the repository and the big blobs that only it uses (digests are unique per run), so the disk does not fill."""
    store = os.path.join(BENCH, "registry", "docker", "registry", "v2")
    for repo in (image.split("/", 1)[1].rsplit(":", 1)[0],):
        rd = os.path.join(store, "repositories", repo)
        keep = set(os.path.basename(os.path.dirname(p)) for p in glob.glob(f"{store}/repositories/base/*/_layers/sha256/*/link"))
        for p in glob.glob(rd + "/_layers/sha256/*"):
            h = os.path.basename(p)
            b = f"{store}/blobs/sha256/{h[:2]}/{h}"
            if h not in keep and os.path.exists(b + "/data") and os.path.getsize(b + "/data") > 1 << 20:
                shutil.rmtree(b, ignore_errors=True)
        shutil.rmtree(rd, ignore_errors=True)


def timed(peer, jobs, wl):
    """jobs: list of (ctx, image).  All run at once; returns wall, per-phase seconds, user, sys, registry cpu, peak rss, rc."""
    base = cg_rss(peer.cgroups)
    wait_quiet()
    ready = [[(ph, spawn(peer, argv, peer.env)) for ph, argv in peer.steps(ctx, image, wl)] for ctx, image in jobs]
    time.sleep(0.05)                                # until each of them waits
    b0, me0 = busy()
    u0, s0 = cg_stat(peer.cgroups); r0 = sum(cg_stat(["bench/registry"]))
    sm = Sampler(peer.cgroups); sm.start()
    phases, rcs = {}, []

    def one(steps):
        for k, (ph, p) in enumerate(steps):
            t = time.monotonic()
            go(p)
            rc = wait(p)
            phases.setdefault(ph, []).append(time.monotonic() - t)
            if rc:
                [forget(q) for _, q in steps[k + 1:]]
                rcs.append(rc); return
        rcs.append(0)

    t0 = time.monotonic()
    if len(jobs) == 1:
        one(ready[0])
    else:
        th = [threading.Thread(target=one, args=(r,)) for r in ready]
        [t.start() for t in th]; [t.join() for t in th]
    wall = time.monotonic() - t0
    sm.stop = True; sm.join()
    u1, s1 = cg_stat(peer.cgroups); r1 = sum(cg_stat(["bench/registry"]))
    b1, me1 = busy()
    other = max(0.0, b1 - b0 - (u1 - u0) - (s1 - s0) - (r1 - r0) - (me1 - me0))
    return dict(wall=wall, build=max(phases.get("build", [0])), push=max(phases.get("push", [0])), user=u1 - u0, sys=s1 - s0,
                reg=r1 - r0, rss=sm.peak / 2**20, idle=base / 2**20, other=other, rc=max(rcs, key=abs))


def warm(peer, bases=("busybox:1",)):
    """Makes sure the bases are pulled and unpacked in the peer's store: a peer may put that off until something runs on them."""
    for b in bases:
        d = os.path.join(CTX, "warm"); os.makedirs(d, exist_ok=True)
        open(d + "/nonce", "w").write(str(random.random()))
        open(d + "/Dockerfile", "w").write(f"FROM {REG}/base/{b}\nCOPY nonce /nonce\nRUN true\n")
        if isinstance(peer, Kaniko):
            return
        im = f"{REG}/bench/warm-{peer.name}:1"
        for _, argv in peer.steps(d, im, "warm"):
            sh(argv, peer.env, check=True)


def emit(peer, w, i, m, image):
    try:
        lb, ln = layer_bytes(image)
    except Exception:
        lb, ln = 0, 0
    print("\t".join(map(str, [time.strftime("%H:%M:%S"), peer.name, w, i, *("%.3f" % m[k] for k in ("wall", "build", "push", "user", "sys", "reg")),
                              "%.0f" % m["rss"], "%.0f" % m["idle"], lb, ln, m["rc"], "%.2f" % m["other"]])), flush=True)


def run(peer, w, i):
    d = context(w)
    tag = "%s-%s-%d-%08x" % (peer.name, w, i, random.getrandbits(32))
    im = f"{REG}/bench/{tag}:1"
    bases = {"w5": ["debian:12"], "w6": [], "w6r": [], "w9": ["node:20"]}.get(w, ["busybox:1"])
    if not bases:
        peer.wipe()
    if bases:
        warm(peer, bases)
    if w == "w8":
        nonce(d, w)
        ims = [f"{REG}/bench/{tag}-{k}:1" for k in range(16)]
        jobs = [(f"{d}/c{k}", ims[k]) for k in range(16)]
        subprocess.run(["sync"]); m = timed(peer, jobs, w); emit(peer, w, i, m, ims[0])
        [drop_repo(x) for x in ims]
    elif w == "w1":
        for _, argv in peer.steps(d, im, w):
            sh(argv, peer.env, check=True)
        if isinstance(peer, Kaniko): peer.wipe()
        subprocess.run(["sync"]); m = timed(peer, [(d, im)], w); emit(peer, w, i, m, im); drop_repo(im)
    elif w == "w3":
        nonce(d, w); subprocess.run(["sync"])
        m = timed(peer, [(d, im)], w); emit(peer, "w3cold", i, m, im)
        p = d + "/src/m07/d127/file13.js"
        s = open(p).read(); open(p, "a").write("// changed %d\n" % i)
        subprocess.run(["sync"])
        m = timed(peer, [(d, im)], w); emit(peer, "w3warm", i, m, im); drop_repo(im)
        open(p, "w").write(s)
    else:
        nonce(d, w); subprocess.run(["sync"])
        m = timed(peer, [(d, im)], w); emit(peer, w, i, m, im); drop_repo(im)
    if w in ("w3", "w4", "w5", "w9") or isinstance(peer, Kaniko):
        peer.wipe()


def main():
    a = sys.argv[1:]
    n = 3
    if "-n" in a:
        k = a.index("-n"); n = int(a[k + 1]); del a[k:k + 2]
    ps = (a[0] if a else "all"); ws = (a[1] if len(a) > 1 else "all")
    ps = ["slipway", "docker", "buildah-chroot", "buildah-oci"] if ps == "all" else ps.split(",")
    ws = WORK if ws == "all" else ws.split(",")
    os.makedirs(os.path.join(BENCH, "log"), exist_ok=True); os.makedirs(os.path.join(BENCH, "kaniko"), exist_ok=True)
    if E("NO_HEADER") is None:
        print("time\tpeer\tworkload\trun\twall_s\tbuild_s\tpush_s\tuser_s\tsys_s\tregistry_cpu_s\tpeak_rss_mib\tidle_rss_mib\tlayer_bytes\tlayers\trc\tother_cpu_s", flush=True)
    for w in ws:
        for i in range(1, n + 1):
            for p in ps:
                try:
                    run(PEERS[p](), w, i)
                except Exception as e:
                    print(f"{time.strftime('%H:%M:%S')}\t{p}\t{w}\t{i}\tERROR\t{str(e)[-300:]!r}", flush=True)


main()
