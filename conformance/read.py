#!/usr/bin/env python3
"""What python-tuf's client finds: read.py STATE-DIR METADATA-DIR NAME...

Prints an object of names and their SHA-256, null for none; or {"refused": WHY}. The metadata is served over HTTP on
loopback, as any web server would. A client whose state directory is empty begins at the first root.
"""
import functools
import json
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def find(state, metadata, names):
    handler = functools.partial(Quiet, directory=metadata)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known = (Path(state) / "root.json").exists()
    root = None if known else (Path(metadata) / "1.root.json").read_bytes()
    try:
        updater = Updater(state, f"http://127.0.0.1:{server.server_port}/", bootstrap=root)
        found = {name: updater.get_targetinfo(name) for name in names}
    except (DownloadError, RepositoryError) as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    finally:
        server.shutdown()
    return {name: file and file.hashes["sha256"] for name, file in found.items()}


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    print(json.dumps(find(sys.argv[1], sys.argv[2], sys.argv[3:])))
