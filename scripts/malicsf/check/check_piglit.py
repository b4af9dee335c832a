# SPDX-License-Identifier: GPL-2.0-or-later
"""piglit's OpenCL programs in a guest: what passes on llvmpipe has to pass on the GPU.

SHARD=i/n runs every n-th program, from the i-th on.  The result of every subtest is in
build/piglit/USERLAND-SERIES-MODEL.tsv, to which each run adds its own: "program, subtest,
result on the GPU, on llvmpipe", with "-" for what was not asked.

Exit codes: 0 pass, 1 fail, 2 usage, 125 cannot test.
"""

import collections
import os
import re
import subprocess
import sys

from malicsf import project
from malicsf.build import guest_kernel, userland
from malicsf.project import say
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'piglit')
PROGRAM = 'piglit--all'
# As tests/guest/mesa/piglit.c prints them
ROW = re.compile(r'^# subtest\t([^\t]*)\t([^\t]*)\t([^\t]*)\t([^\t\n]*)$', re.M)
HEADER = 'program\tsubtest\tGPU\tllvmpipe\n'
# What becomes of a subtest, in the order of the summary
PASSED, WORSE, NOT_COMPARED, NOT_OFFERED, BOTH = (
    'pass', 'pass on llvmpipe only', 'could not be compared', 'not offered by the driver',
    'pass on neither')
KINDS = [PASSED, WORSE, NOT_COMPARED, NOT_OFFERED, BOTH]
NAMED = [WORSE, NOT_COMPARED, BOTH]


def kind_of(here, other):
    """What the results of a subtest on the GPU and on llvmpipe mean."""
    if here == 'pass':
        return PASSED
    if here == 'skip':
        return NOT_OFFERED
    if other == 'pass':
        return WORSE
    # "-": it has not run; llvmpipe's own time-out or death says nothing about the GPU.
    if other in ('-', 'time-out') or re.fullmatch(r'exit 1[3-9]\d|exit 12[89]', other):
        return NOT_COMPARED
    return BOTH


def read_rows(text):
    """{program: [(subtest, GPU's result, llvmpipe's)]} of a file of results."""
    found = {}
    for line in text.splitlines()[1:]:
        words = line.split('\t')
        if len(words) == 4:
            found.setdefault(words[0], []).append(tuple(words[1:]))
    return found


def said_rows(text):
    """The same of what a guest has said."""
    found = {}
    for program, *row in ROW.findall(text):
        found.setdefault(program, []).append(tuple(row))
    return found


def written(rows):
    return HEADER + ''.join('\t'.join((program, *row)) + '\n'
                            for program in sorted(rows) for row in rows[program])


def summary(rows):
    """Lines about results: how many of each kind, and by name what is no pass."""
    kinds = collections.defaultdict(list)
    for program in sorted(rows):
        for subtest, here, other in rows[program]:
            kinds[kind_of(here, other)].append(
                f'{program}: {subtest} ({here}, {other} on llvmpipe)')
    lines = [f'{len(kinds[kind])} {kind}' for kind in KINDS if kinds[kind]]
    return [f'{len(rows)} programs, subtests: {", ".join(lines)}'] + \
        [f'{kind}: {name}' for kind in NAMED for name in kinds[kind]]


def main():
    SETTINGS.parser(__doc__, 'check-piglit').parse_args()
    SETTINGS.refuse_other_runs('check-piglit')
    SETTINGS.shard()        # refused here, not in the guest
    shard = SETTINGS.take_out('SHARD')
    which = SETTINGS.text('USERLAND') or 'mesa'
    userland.check_name(which)
    kernel = SETTINGS.text('KERNEL')
    guest_kernel.check_name(kernel)
    model = SETTINGS.text('MODEL') or project.config('guest')['machine']['model']
    title = '-'.join((which, os.path.basename(kernel) or 'newest', re.sub('[,=]', '-', model)))
    name = '-'.join(filter(None, ('piglit', title, shard.replace('/', '-'))))
    arguments = ' '.join(filter(None, (SETTINGS.text('KERNEL_ARGS'),
                                       f'piglit.shard={shard}' if shard else '')))
    status = subprocess.run(
        [sys.executable, project.RUN_GUEST, f'USERLAND={which}', f'TESTS={PROGRAM}',
         f'NAME={name}', f'KERNEL_ARGS={arguments}'], stdin=subprocess.DEVNULL,
        check=False).returncode
    if status not in (project.PASS, project.FAIL):
        return status
    said = said_rows(project.read_lossy(os.path.join(project.BUILD, 'run', name, 'console.log')))
    path = os.path.join(FOLDER, title + '.tsv')
    project.write(path, written(read_rows(project.read(path)) | said))
    for line in summary(said):
        say(line)
    say(f'all results are in {os.path.relpath(path, project.ROOT)}')
    return status
