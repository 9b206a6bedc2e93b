"""Sends requests that are refused, as many as it can or as it is told, on several connections at once.

  flood.py HOST PORT SECONDS RATE

Prints one line of JSON: how many were answered by status, and how many a second.
"""
import http.client
import json
import sys
import threading
import time
from collections import Counter

host, port, seconds, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
THREADS = 8
KINDS = [
    ("POST", "/webhooks/git/app-github", {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=00"}, b"{}"),
    ("POST", "/webhooks/git/app-github", {"X-GitHub-Event": "push"}, b"{"),
    ("POST", "/webhooks/git/app-github", {}, b"x" * 10000),
    ("POST", "/webhooks/git/nobody", {"X-GitHub-Event": "push"}, b"{}"),
    ("GET", "/webhooks/git/app-github", {}, b""),
    ("GET", "/../../etc/passwd", {}, b""),
]
answers = Counter()
lock = threading.Lock()
end = time.monotonic() + seconds


def work(number):
    connection = http.client.HTTPConnection(host, port, timeout=20)
    mine = Counter()
    due = time.monotonic()
    index = number
    while time.monotonic() < end:
        method, path, headers, body = KINDS[index % len(KINDS)]
        index += 1
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            response.read()
            mine[response.status] += 1
        except OSError:
            mine["cut off"] += 1
            connection.close()
        due += THREADS / rate
        time.sleep(max(0.0, due - time.monotonic()))
    with lock:
        answers.update(mine)


threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
begin = time.monotonic()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
took = time.monotonic() - begin
print(json.dumps({"answers": {str(k): v for k, v in sorted(answers.items(), key=str)},
                  "a_second": round(sum(answers.values()) / took)}))
