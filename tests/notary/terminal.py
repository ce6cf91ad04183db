"""Runs a program on a terminal of its own and answers its prompts.

usage: terminal.py PROMPT ANSWER [PROMPT ANSWER ...] -- PROGRAM [ARGUMENT ...]

Each answer is sent when its prompt has appeared. What the terminal showed goes to stdout; the exit
code is the program's, or 124 when a prompt did not come within twenty seconds.
"""

import os
import pty
import select
import sys
import time


def main():
    split = sys.argv.index("--")
    answers = list(zip(sys.argv[1:split:2], sys.argv[2:split:2]))
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
    shown, answered = converse(terminal, answers)
    sys.stdout.write(shown.decode("utf-8", "replace").replace("\r\n", "\n"))
    sys.stdout.flush()
    if not answered:
        os.kill(child, 9)
        os.waitpid(child, 0)
        return 124
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def converse(terminal, answers):
    shown, seen, deadline = b"", 0, time.monotonic() + 20
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            return shown, True
        shown += piece
        while answers and answers[0][0].encode() in shown[seen:]:
            prompt, answer = answers.pop(0)
            seen += shown[seen:].index(prompt.encode()) + len(prompt.encode())
            # The echo is switched off right after the prompt is written.
            time.sleep(0.15)
            os.write(terminal, answer.encode() + b"\n")
            deadline = time.monotonic() + 20
    return shown, False


sys.exit(main())
