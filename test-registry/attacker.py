#!/usr/bin/env python3
"""A man in the middle of the trust server: passes requests on, logs them, and misbehaves on demand.

What it does is one line in the file --behaviour, read anew for each request:

  honest             pass everything on (also when the file is absent)
  record DIR         pass on, and keep each role's file in DIR
  replay DIR         answer ROLE.json from DIR, where it is there
  stand-in DIR       answer ROLE.json from DIR, by whatever hash or version it is asked for
  swap ROLE DIR      ROLE with the signatures of DIR/ROLE.json under it
  spoil ROLE         ROLE with one bit of its first signature flipped
  status CODE        nothing but this status
  html               a cheerful page instead of JSON
  close              no answer at all
  stall SECONDS      an answer, much later
  endless            an answer that never ends

Each request is a line of JSON in --log: connection, start and end (seconds), method, path, status, bytes.
"""

import argparse
import base64
import http.client
import itertools
import json
import pathlib
import re
import ssl
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FILE = re.compile(r"/_trust/tuf/(?:(?P<version>\d+)\.)?(?P<role>[a-z0-9_/-]+?)(?:\.(?P<sha256>[0-9a-f]{64}))?\.json$")
PASSED_ON = ("Authorization", "Content-Type", "User-Agent", "Accept")
HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "date", "server")
UPSTREAM_SECONDS = 60
ENDLESS_BYTES = 1 << 30


def main():
    options = read_arguments()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    server.upstream = Upstream(options.upstream, options.ca)
    server.behaviour = pathlib.Path(options.behaviour)
    server.log = Log(options.log)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    # The handshake belongs to the connection's thread, not to the accepting one.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(f"https://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="default: a free one; the URL is printed")
    for name in ("upstream", "ca", "tls-cert", "tls-key", "behaviour", "log"):
        parser.add_argument("--" + name, required=True)
    return parser.parse_args()


class Upstream:
    """The honest server."""

    def __init__(self, url, authority):
        self.host = urllib.parse.urlsplit(url).netloc
        self.tls = ssl.create_default_context(cafile=authority)

    def ask(self, method, path, headers, body):
        connection = http.client.HTTPSConnection(self.host, context=self.tls, timeout=UPSTREAM_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class Log:
    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8", buffering=1)
        self.lock = threading.Lock()

    def write(self, **fields):
        with self.lock:
            self.file.write(json.dumps(fields) + "\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet; otherwise a client's delayed acknowledgement costs 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    connections = itertools.count(1)

    def setup(self):
        self.connection_number = next(self.connections)
        super().setup()

    def handle_any(self):
        start = time.time()
        self.sent = (0, 0)
        try:
            self.misbehave(self.read_behaviour())
        finally:
            self.wfile.flush()
            self.server.log.write(
                connection=self.connection_number, start=start, end=time.time(),
                method=self.command, path=self.path, status=self.sent[0], bytes=self.sent[1],
            )

    do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = handle_any

    def read_behaviour(self):
        try:
            return self.server.behaviour.read_text(encoding="utf-8").split() or ["honest"]
        except FileNotFoundError:
            return ["honest"]

    def misbehave(self, behaviour):
        name, *arguments = behaviour
        {
            "honest": self.pass_on, "record": self.record, "replay": self.replay, "stand-in": self.stand_in, "swap": self.swap,
            "spoil": self.spoil, "status": self.status, "html": self.html, "close": self.close,
            "stall": self.stall, "endless": self.endless,
        }[name](*arguments)

    # --- behaviours --------------------------------------------------------------------------------

    def pass_on(self):
        self.answer(*self.honest_answer())

    def record(self, directory):
        status, headers, body = self.honest_answer()
        if status == 200 and self.command == "GET" and self.role():
            path = pathlib.Path(directory, self.role() + ".json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        self.answer(status, headers, body)

    def replay(self, directory):
        file = FILE.search(self.path)
        old = pathlib.Path(directory, (self.role() or "none") + ".json")
        # A file that is asked for by its hash must be what was asked for; the server still has it.
        if self.command == "GET" and file and not file["sha256"] and old.is_file():
            self.answer(200, [], old.read_bytes())
        else:
            self.pass_on()

    def stand_in(self, directory):
        file = FILE.search(self.path)
        own = pathlib.Path(directory, (file["role"] if file else "none") + ".json")
        if self.command == "GET" and own.is_file() and is_version(own.read_bytes(), file["version"]):
            self.answer(200, [], own.read_bytes())
        else:
            self.pass_on()

    def swap(self, role, directory):
        other = json.loads(pathlib.Path(directory, role + ".json").read_bytes())
        self.edit(role, lambda document: document.update(signatures=other["signatures"]))

    def spoil(self, role):
        self.edit(role, flip_a_bit)

    def status(self, code):
        self.read_body()
        self.answer(int(code), [], b"")

    def html(self):
        self.read_body()
        self.answer(200, [("Content-Type", "text/html")], b"<html><body>Welcome to our guest network!</body></html>")

    def close(self):
        self.read_body()
        self.close_connection = True

    def stall(self, seconds):
        time.sleep(float(seconds))
        self.pass_on()

    def endless(self):
        self.read_body()
        self.send_response(200)
        self.send_header("Content-Length", str(ENDLESS_BYTES))
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(ENDLESS_BYTES // 65536):
                self.wfile.write(b"x" * 65536)
        except OSError:
            # The client had enough, as it should.
            pass

    # --- parts -------------------------------------------------------------------------------------

    def edit(self, role, change):
        status, headers, body = self.honest_answer()
        if status == 200 and self.command == "GET" and self.role() == role:
            document = json.loads(body)
            change(document)
            body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
        self.answer(status, headers, body)

    def role(self):
        """The role whose file is asked for, or None; an old root is `N.root`."""
        file = FILE.search(self.path)
        if not file:
            return None
        return f"{file['version']}.{file['role']}" if file["version"] else file["role"]

    def honest_answer(self):
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        return self.server.upstream.ask(self.command, self.path, headers, self.read_body())

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self.read_chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def read_chunk(self):
        chunk = self.rfile.read(int(self.rfile.readline().split(b";")[0], 16))
        self.rfile.readline()
        return chunk

    def answer(self, status, headers, body):
        self.sent = (status, len(body))
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Requests go to --log; standard error stays quiet."""


def is_version(body, version):
    return version is None or json.loads(body)["signed"]["version"] == int(version)


def flip_a_bit(document):
    first = document["signatures"][0]
    signature = bytearray(base64.b64decode(first["sig"]))
    signature[0] ^= 1
    first["sig"] = base64.b64encode(signature).decode()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
