"""What runs in a call stands together: order.py PROGRAM TRACE... >first.ld

PROGRAM has symbols; each TRACE is what callgrind saw one call of it do, names as the linker knows them.
"""

import re
import subprocess
import sys


def main(program, traces):
    sizes = functions(program)
    ran = set().union(*(executed(trace) for trace in traces)) & sizes.keys()
    print(HEAD)
    for pattern in patterns(sizes, ran):
        print(f"    *(.text.{pattern}*)")
    print(FOOT)


def functions(program):
    """The bytes of each function."""
    listing = subprocess.check_output(["nm", "--print-size", "--defined-only", program], text=True)
    rows = (line.split() for line in listing.splitlines())
    return {row[3]: int(row[1], 16) for row in rows if len(row) == 4 and row[2] in "tTwW"}


def executed(trace):
    """The functions that a trace names: `fn=(7) name`, and `'2` behind the name where it calls itself."""
    with open(trace, encoding="utf-8") as lines:
        named = (re.match(r"c?fn=\(\d+\) (.*?)('\d+)?$", line) for line in lines)
        return {found[1] for found in named if found}


def patterns(sizes, ran):
    """Beginnings of names that together cover what ran, and of what did not as little as is worth a line."""
    tree = Branch()
    for name, size in sizes.items():
        tree.add(lasting(name), size, name in ran)
    return sorted(tree.worth_a_line(""))


def lasting(name):
    """A function's name without what changes with each compiler and version: the hash at its end."""
    return re.sub(r"17h[0-9a-f]{16}E.*$", "", re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", name))


class Branch:
    """All functions whose names begin alike."""

    def __init__(self):
        self.size = self.ran = 0
        self.branches = {}

    def add(self, name, size, ran):
        branch = self
        for part in [""] + re.findall(r"\d+|\w+?(?=\d|\W|$)|\W", name):
            branch = branch.branches.setdefault(part, Branch()) if part else branch
            branch.size += size
            branch.ran += size * ran

    def worth_a_line(self, beginning):
        if self.ran == 0:
            return
        if self.ran >= SHARE * self.size or not self.branches:
            yield beginning
            return
        inner = sum(branch.ran for branch in self.branches.values())
        if inner < self.ran:  # the name itself is one that ran
            yield beginning
            return
        for part, branch in self.branches.items():
            yield from branch.worth_a_line(beginning + part)


# Of what a line takes along, so much must have run.
SHARE = 0.5
HEAD = """/* The functions that a call runs, next to each other: what is never used is not read, nor kept in memory.
   Made by packaging/order. What is missing here is merely elsewhere; what no longer exists is skipped. */
SECTIONS {
  .text.first : {"""
FOOT = """  }
}
INSERT BEFORE .text;"""

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
