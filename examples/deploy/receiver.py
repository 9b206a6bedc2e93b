"""Receives Slipway's notifications and deploys each image that was pushed: pulls it by its digest and starts it in place
of the one before.

  receiver.py PORT SECRET_FILE FOLDER

What is not signed with the secret is refused. The same notification may come twice, so what is running already is left
alone. Pulling is skopeo's, unpacking umoci's and running runc's work; a platform or a GitOps agent would take their place.
"""
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, SECRET_FILE, FOLDER = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with open(SECRET_FILE, "rb") as file:
    SECRET = file.read().rstrip(b"\n")
CONTAINER = f"deployed-{os.getpid()}"
RUNC = ["runc", "--root", os.path.join(FOLDER, "runc")]
MOST = 1 << 20
running = None  # the digest


def stop():
    if running is None:
        return
    subprocess.run(RUNC + ["delete", "--force", CONTAINER], check=True)


def deploy(image):
    """Replaces what runs by this image."""
    global running
    if image["digest"] == running:
        return
    name = f"{image['registry']}/{image['repository']}@{image['digest']}"
    folder = os.path.join(FOLDER, image["digest"].replace(":", "-"))
    layout = f"{folder}.oci:app"
    # The registry of the example is on loopback and speaks plain HTTP.
    subprocess.run(["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{name}", f"oci:{layout}"], check=True)
    if not os.path.exists(folder):
        subprocess.run(["umoci", "unpack", "--image", layout, folder], check=True, stderr=subprocess.DEVNULL)
        path = os.path.join(folder, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["process"]["terminal"] = False
        # The host's network, so that the service is reached; no cgroup, so that it runs anywhere.
        config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"]
                                         if one["type"] not in ("network", "cgroup")]
        config["linux"].pop("resources", None)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
    stop()
    running = None
    subprocess.run(RUNC + ["run", "--detach", "--bundle", folder, CONTAINER], check=True, stdin=subprocess.DEVNULL)
    running = image["digest"]
    print(f"deployed {name}", flush=True)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > MOST:
            return self.say(413, "too large")
        body = self.rfile.read(size)
        expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self.headers.get("X-Slipway-Signature-256", "")):
            return self.say(401, "not signed with our secret")
        event = json.loads(body)
        if event["type"] != "org.slipway.image.pushed":
            return self.say(204, "")
        try:
            deploy(event["data"]["image"])
        except (subprocess.CalledProcessError, OSError) as error:
            return self.say(500, f"not deployed: {error}")  # Slipway sends it again
        return self.say(200, "deployed")

    def say(self, status, text):
        self.send_response(status)
        self.end_headers()
        if text:
            self.wfile.write(text.encode() + b"\n")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", PORT), Receiver)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
stop()
