#!/usr/bin/env python3
"""Makes the TUF 1.0 vectors with python-tuf: make.py [CASE...]

Needs the packages tuf and securesystemslib[crypto]. Each case is one repository: `metadata/` as a web
server would show it, and `case.json` with what a reader should find.
"""
import hashlib
import json
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole, Delegations, Key, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp,
)
from tuf.api.serialization.json import JSONSerializer
from urllib.parse import quote

HERE = Path(__file__).parent
EXPIRY = datetime(2056, 1, 1, tzinfo=timezone.utc)
TOP = ("root", "timestamp", "snapshot", "targets")


class Repository:
    def __init__(self, name, make=CryptoSigner.generate_ed25519, consistent=True):
        self.name, self.make, self.signers, self.files, self.versions = name, make, {}, {}, {}
        self.roles = {"root": Root(consistent_snapshot=consistent, expires=EXPIRY), "targets": Targets(expires=EXPIRY),
                      "snapshot": Snapshot(expires=EXPIRY), "timestamp": Timestamp(expires=EXPIRY)}
        for role in TOP:
            self.add_key(role)
        self.consistent, self.hashes, self.expected, self.visited = consistent, False, {}, {}

    def add_key(self, role, make=None):
        signer = (make or self.make)()
        self.signers.setdefault(role, []).append(signer)
        self.roles["root"].add_key(signer.public_key, role)
        return signer

    def target(self, role, name, custom=None, hashes=("sha256",)):
        data = f"what {name} is".encode()
        file = TargetFile.from_data(name, data, list(hashes))
        if custom:
            file.unrecognized_fields["custom"] = custom
        self.roles[role].targets[name] = file
        return file

    def delegate(self, by, name, paths=None, hash_prefixes=None, terminating=False):
        signer = self.make()
        self.signers[name] = [signer]
        self.roles.setdefault(name, Targets(expires=EXPIRY))
        targets = self.roles[by]
        if targets.delegations is None:
            targets.delegations = Delegations({}, {})
        targets.delegations.roles[name] = DelegatedRole(name, [], 1, terminating, paths, hash_prefixes)
        targets.add_key(signer.public_key, name)

    def sealed(self, role):
        file = Metadata(self.roles[role])
        for index, signer in enumerate(self.signers[role]):
            file.sign(signer, append=index > 0)
        return file.to_bytes(JSONSerializer())

    def publish(self):
        for role in [name for name in self.roles if name not in TOP] + ["targets"]:
            data = self.sealed(role)
            self.put(role, self.roles[role].version, data)
            self.roles["snapshot"].meta[f"{role}.json"] = self.listing(role, data)
        data = self.sealed("snapshot")
        self.put("snapshot", self.roles["snapshot"].version, data)
        self.roles["timestamp"].snapshot_meta = self.listing("snapshot", data)
        self.put("root", self.roles["root"].version, self.sealed("root"), numbered=True)
        self.files["timestamp.json"] = self.sealed("timestamp")

    def listing(self, role, data):
        version = self.roles[role].version
        if not self.hashes:
            return MetaFile(version)
        return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})

    def put(self, role, version, data, numbered=False):
        name = quote(role, "")
        self.files[f"{version}.{name}.json" if self.consistent or numbered else f"{name}.json"] = data

    def write(self):
        folder = HERE / self.name
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "metadata").mkdir(parents=True)
        for name, data in self.files.items():
            (folder / "metadata" / name).write_bytes(data)
        case = {"made_by": "python-tuf", "root_keyids": sorted(self.roles["root"].roles["root"].keyids),
                "versions": {role: content.version for role, content in self.roles.items()}, "found": self.expected}
        (folder / "case.json").write_text(json.dumps(case, indent=2, sort_keys=True) + "\n")

    def expect(self, name, role=None):
        file = self.roles[role].targets[name] if role else None
        self.expected[name] = role and {"role": role, "length": file.length, "hashes": file.hashes}


def tags():
    it = Repository("tags")
    it.target("targets", "1.4", {"org.example.media-type": "application/json", "z": [1, {"a": "é\n"}]})
    it.target("targets", "sub/folder/1.5", hashes=("sha512",))
    it.target("targets", "both", hashes=("sha256", "sha512"))
    for name in ("1.4", "sub/folder/1.5", "both"):
        it.expect(name, "targets")
    it.expect("absent")
    return it


def not_consistent():
    it = Repository("not-consistent", consistent=False)
    it.hashes = True
    it.target("targets", "v1")
    it.expect("v1", "targets")
    return it


def ecdsa():
    it = Repository("ecdsa", CryptoSigner.generate_ecdsa)
    it.target("targets", "v1")
    it.expect("v1", "targets")
    return it


def rsa():
    it = Repository("rsa", lambda: CryptoSigner.generate_rsa(size=2048))
    it.target("targets", "v1")
    it.expect("v1", "targets")
    return it


def threshold_and_rotation():
    it = Repository("threshold-and-rotation")
    it.add_key("root", CryptoSigner.generate_ecdsa)
    it.roles["root"].roles["root"].threshold = 2
    it.target("targets", "v1")
    it.publish()
    root = it.roles["root"]
    gone = it.signers["root"][0]
    root.revoke_key(gone.public_key.keyid, "root")
    it.add_key("root")
    root.version += 1
    it.expect("v1", "targets")
    return it


def globs():
    it = Repository("globs")
    it.delegate("targets", "docs", ["*.md", "foo-?.tgz"])
    it.delegate("targets", "releases", ["releases/*/*"], terminating=True)
    it.delegate("targets", "rest", ["*", "*/*", "*/*/*"])
    it.delegate("releases", "releases/x", ["releases/x/*"])
    it.target("docs", "README.md")
    it.target("docs", "releases/README.md")
    it.target("releases/x", "releases/x/v1")
    it.target("releases/x", "releases/y/v1")
    it.target("rest", "releases/x/v2")
    it.target("rest", "foo-alpha.tgz")
    it.expect("README.md", "docs")
    it.expect("releases/README.md")
    it.expect("releases/x/v1", "releases/x")
    it.expect("releases/y/v1")
    it.expect("releases/x/v2")
    it.expect("foo-alpha.tgz", "rest")
    return it


def hash_prefixes():
    it = Repository("hash-prefixes")
    for digit in "0123456789abcdef":
        it.delegate("targets", f"hash {digit}", None, [digit])
    for name in ("v1", "v2", "v3"):
        digit = hashlib.sha256(name.encode()).hexdigest()[0]
        it.target(f"hash {digit}", name)
        it.expect(name, f"hash {digit}")
    it.expect("v4")
    return it


def bins():
    it = Repository("bins")
    signer = it.make()
    succinct = SuccinctRoles([], 1, 5, "bin")
    it.roles["targets"].delegations = Delegations({}, None, succinct)
    it.roles["targets"].add_key(signer.public_key)
    for name in succinct.get_roles():
        it.roles[name], it.signers[name] = Targets(expires=EXPIRY), [signer]
    for name in ("v1", "v2", "v3"):
        role = succinct.get_role_for_target(name)
        it.target(role, name)
        it.expect(name, role)
    it.expect("v4")
    return it


def unknown_members():
    it = Repository("unknown-members")
    it.target("targets", "v1").unrecognized_fields["x-target"] = [None, True]
    for role in TOP:
        it.roles[role].unrecognized_fields["x-role"] = {"b": 1, "a": "\"\\\u2028"}
    key = next(iter(it.roles["root"].keys.values()))
    key.unrecognized_fields["x-key"] = "kept"
    it.expect("v1", "targets")
    return it


CASES = [tags, not_consistent, ecdsa, rsa, threshold_and_rotation, globs, hash_prefixes, bins, unknown_members]

if __name__ == "__main__":
    for case in CASES:
        if len(sys.argv) < 2 or case.__name__.replace("_", "-") in sys.argv[1:]:
            made = case()
            made.publish()
            made.write()
            print(made.name)
