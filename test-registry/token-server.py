#!/usr/bin/env python3
"""A token server in one file: Docker's `Bearer` tokens (RS256, x5c) for users from a file.

The users file has a line `name:password:action,action` for each user; the line with an empty name
is what anybody may do. Only what was asked and is allowed goes into the token, as registries expect.
"""

import argparse
import base64
import hmac
import json
import secrets
import ssl
import subprocess
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN_SECONDS = 300
MAX_FORM_BYTES = 16 * 1024


def main():
    options = read_arguments()
    host, _, port = options.listen.rpartition(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    server.daemon_threads = True
    server.issuer = Issuer(options)
    server.users = read_users(options.users)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.tls_cert, options.tls_key)
    # The handshake belongs to the connection's thread, not to the accepting one.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("listen", "tls-cert", "tls-key", "sign-cert", "sign-key", "issuer", "users"):
        parser.add_argument("--" + name, required=True)
    return parser.parse_args()


def read_users(path):
    users = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, password, actions = line.rstrip("\n").split(":")
            users[name] = (password, set(actions.split(",")))
    return users


class Issuer:
    """Makes and signs tokens."""

    def __init__(self, options):
        self.name = options.issuer
        self.key = options.sign_key
        with open(options.sign_cert, encoding="ascii") as pem:
            body = ssl.PEM_cert_to_DER_cert(pem.read())
        self.certificate = base64.b64encode(body).decode()

    def token(self, subject, service, access):
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.certificate]}
        claims = {
            "iss": self.name, "sub": subject, "aud": service, "access": access,
            "nbf": now - 10, "iat": now, "exp": now + TOKEN_SECONDS, "jti": secrets.token_hex(8),
        }
        message = b".".join(url64(json.dumps(part).encode()) for part in (header, claims))
        return (message + b"." + url64(self.sign(message))).decode()

    def sign(self, message):
        command = ["openssl", "dgst", "-sha256", "-sign", self.key]
        return subprocess.run(command, input=message, stdout=subprocess.PIPE, check=True).stdout


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/health":
            self.answer(200, {})
        elif url.path == "/token":
            self.answer_token(urllib.parse.parse_qs(url.query), self.basic_user())
        else:
            self.answer(404, {"details": "no such page"})

    def do_POST(self):
        """OAuth 2: a password, or a refresh token, which here is `name:password` in base64."""
        length = min(int(self.headers.get("Content-Length") or 0), MAX_FORM_BYTES)
        form = urllib.parse.parse_qs(self.rfile.read(length).decode())
        first = {key: values[0] for key, values in form.items()}
        if first.get("grant_type") == "refresh_token":
            user = self.check(decode_pair(first.get("refresh_token", "")))
        else:
            user = self.check((first.get("username", ""), first.get("password", "")))
        form["scope"] = form.get("scope", [""])[0].split()
        self.answer_token(form, user)

    def basic_user(self):
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if not value:
            return ""
        return self.check(decode_pair(value)) if scheme.lower() == "basic" else None

    def check(self, pair):
        """The user's name if the password is right, else None."""
        known = self.server.users.get(pair[0]) if pair else None
        if not pair or not pair[0] or known is None:
            return None
        return pair[0] if hmac.compare_digest(known[0].encode(), pair[1].encode()) else None

    def answer_token(self, query, user):
        if user is None:
            self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong name or password"}]})
            return
        service = query.get("service", [""])[0]
        access = self.allowed(user, query.get("scope", []))
        token = self.server.issuer.token(user, service, access)
        self.log_message("token for %r at %r: %s", user, service, json.dumps(access))
        reply = {"token": token, "access_token": token, "expires_in": TOKEN_SECONDS}
        if user and query.get("offline_token") == ["true"]:
            pair = f"{user}:{self.server.users[user][0]}"
            reply["refresh_token"] = base64.b64encode(pair.encode()).decode()
        self.answer(200, reply)

    def allowed(self, user, scopes):
        _, may = self.server.users.get(user, ("", set()))
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, wanted = rest.rpartition(":")
            actions = sorted(may & set(wanted.split(",")))
            if actions:
                access.append({"type": kind, "name": name, "actions": actions})
        return access

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def decode_pair(text):
    try:
        name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        return None
    return name, password


def url64(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=")


if __name__ == "__main__":
    main()
