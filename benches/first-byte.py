#!/usr/bin/env python3
"""A stopwatch for first-byte.sh.

  first-byte.py wire RUNS DIRECTORY   commands on stdin, one a line, PORT in them for a server of ours; for each
                                      its milliseconds from its start to its first byte at that server, and itself
  first-byte.py between RUNS A B      how many milliseconds B takes longer than A: both in turn, the median of the
                                      differences, then the median of A alone

Medians; what runs is waited for.
"""

import os
import shlex
import socket
import statistics
import subprocess
import sys
import time


def main():
    mode, runs = sys.argv[1], int(sys.argv[2])
    if mode == "wire":
        wire(runs, sys.argv[3])
    else:
        between(runs, shlex.split(sys.argv[3]), shlex.split(sys.argv[4]))


def wire(runs, home):
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(10)
    port = str(server.getsockname()[1])
    for line in sys.stdin:
        words = shlex.split(line.strip().replace("PORT", port))
        if words:
            taken = [until_first_byte(server, words, home) for _ in range(runs + 1)]
            # The first one finds cold pages.
            print(f"{statistics.median(taken[1:]):.1f}\t{shlex.join(words).replace(port, 'PORT')}", flush=True)


def until_first_byte(server, words, home):
    began = time.monotonic()
    program = subprocess.Popen(words, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        connection, _ = server.accept()
    except TimeoutError:
        program.kill()
        sys.exit(f"{shlex.join(words)}: nothing on the wire: {program.communicate()[1].decode()}")
    connection.settimeout(10)
    connection.recv(1)
    taken = (time.monotonic() - began) * 1000
    connection.close()
    program.kill()
    program.communicate()
    drain(server)
    return taken


def drain(server):
    """Connections that were made side by side belong to the run that is over."""
    server.settimeout(0.02)
    try:
        while True:
            server.accept()[0].close()
    except TimeoutError:
        server.settimeout(10)


def between(runs, first, second):
    timed(first), timed(second)
    pairs = [(timed(first), timed(second)) for _ in range(runs)]
    print(f"{statistics.median(b - a for a, b in pairs):.1f}\t{statistics.median(a for a, _ in pairs):.1f}")


def timed(words):
    began = time.monotonic()
    status = subprocess.call(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if status != 0:
        sys.exit(f"{shlex.join(words)}: exit {status}")
    return (time.monotonic() - began) * 1000


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    main()
