"""A receiver of notifications: writes what it gets to a file, a line of JSON each, and whether it is signed with the secret.

  recorder.py PORT SECRET FILE
"""
import hashlib
import hmac
import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Recorder(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        expected = "sha256=" + hmac.new(sys.argv[2].encode(), body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(expected, self.headers.get("X-Slipway-Signature-256", ""))
        with open(sys.argv[3], "a", encoding="utf-8") as log:
            log.write(json.dumps({"genuine": genuine, "content": self.headers["Content-Type"],
                                  "event": json.loads(body)}) + "\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Recorder).serve_forever()
