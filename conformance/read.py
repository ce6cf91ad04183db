#!/usr/bin/env python3
"""What python-tuf's client finds: read.py METADATA-DIR NAME... prints an object of names and their SHA-256, null for none.

The directory is served over HTTP on loopback, as any web server would; the client begins at its first root.
"""
import functools
import json
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tuf.ngclient import Updater


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main(metadata, names):
    handler = functools.partial(Quiet, directory=metadata)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as state:
        root = (Path(metadata) / "1.root.json").read_bytes()
        updater = Updater(state, f"http://127.0.0.1:{server.server_port}/", bootstrap=root)
        found = {name: updater.get_targetinfo(name) for name in names}
    server.shutdown()
    print(json.dumps({name: file and file.hashes["sha256"] for name, file in found.items()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
