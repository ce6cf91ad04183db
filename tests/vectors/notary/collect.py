#!/usr/bin/env python3
"""Downloads a collection from a trust server, byte for byte, into CASE/ and writes CASE/case.json.

The expectation in case.json is read from the files with Python's own JSON reader, and every hash
that the files give for one another is checked here, independently of the program under test.
"""

import argparse
import base64
import datetime
import hashlib
import json
import pathlib
import shutil
import ssl
import urllib.request


def main():
    options = read_arguments()
    server = Server(options.server, options.ca, options.gun)
    case = pathlib.Path(options.case)
    case.mkdir(parents=True)
    files = {role: server.get(f"{role}.json") for role in ("timestamp", "snapshot", "root", "targets")}
    meta = signed(files["snapshot"])["meta"]
    for role in sorted(meta):
        if role.startswith("targets/"):
            files[role] = server.get(f"{role}.json")
    check_hashes(files)
    for version in range(1, signed(files["root"])["version"]):
        files[f"{version}.root"] = server.get(f"{version}.root.json")
    for role, content in files.items():
        path = case / f"{role}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    if pathlib.Path(options.older).is_dir():
        shutil.copytree(options.older, case / "older")
    if options.made_by:
        write_expectation(case, options, files)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("server", "ca", "gun"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--made-by")
    parser.add_argument("--notes", default="")
    parser.add_argument("older", help="directory to copy as CASE/older, if it exists")
    parser.add_argument("case")
    return parser.parse_args()


class Server:
    def __init__(self, url, authority, gun):
        self.prefix = f"{url}/v2/{gun}/_trust/tuf/"
        self.tls = ssl.create_default_context(cafile=authority)

    def get(self, name):
        with urllib.request.urlopen(self.prefix + name, context=self.tls, timeout=10) as answer:
            return answer.read()


def signed(content):
    return json.loads(content)["signed"]


def check_hashes(files):
    listed = dict(signed(files["snapshot"])["meta"], snapshot=signed(files["timestamp"])["meta"]["snapshot"])
    for role, entry in listed.items():
        for algorithm, digest in entry["hashes"].items():
            found = hashlib.new(algorithm, files[role]).digest()
            assert found == base64.b64decode(digest), f"{role}: {algorithm} differs"
        assert entry["length"] == len(files[role]), f"{role}: length differs"


def write_expectation(case, options, files):
    root = signed(files["root"])
    now = datetime.datetime.now(datetime.timezone.utc)
    expectation = {
        "gun": options.gun,
        "made_by": options.made_by,
        "made_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "root_keyids": root["roles"]["root"]["keyids"],
        "versions": {role: signed(content)["version"] for role, content in files.items() if ".root" not in role},
        "targets": {role: targets_of(content) for role, content in files.items() if role.startswith("targets")},
        "notes": options.notes,
    }
    text = json.dumps(expectation, indent=2, ensure_ascii=True)
    (case / "case.json").write_text(text + "\n", encoding="ascii")


def targets_of(content):
    targets = signed(content)["targets"] or {}
    return {name: {**hex_hashes(entry["hashes"]), "length": entry["length"], **custom_of(entry)} for name, entry in targets.items()}


def hex_hashes(hashes):
    return {algorithm: base64.b64decode(digest).hex() for algorithm, digest in hashes.items()}


def custom_of(entry):
    return {"custom": entry["custom"]} if "custom" in entry else {}


if __name__ == "__main__":
    main()
