# SPDX-License-Identifier: GPL-2.0-or-later
"""Load a thousand changed states: refused, or run on with, never a crash.

It is the qtest mali-csf-load-test with more cases.  CASES= and SEED= set how
many and which; SANITIZE=1 takes the QEMU of make fuzz, with sanitizers.
"""

import os
import random
import re
import subprocess
import time

from malicsf import host_packages, project
from malicsf.build import build_fuzz, build_qemu
from malicsf.project import say
from malicsf.settings import SETTINGS

CASES = 1000
TEST = 'mali-csf-load-test'


def main():
    SETTINGS.parser(__doc__, 'check-load').parse_args()
    cases = SETTINGS.number('CASES', CASES)
    seed = SETTINGS.number('SEED', random.randrange(1, 2**32))
    project.require_host()
    host_packages.provide()
    with project.Lock():
        tree = build_qemu.build(build_qemu.from_environment(), tests=True)
        binary = tree.binary
        if SETTINGS.is_on('SANITIZE'):
            binary = build_fuzz.build(tree).binary
    say(f'{cases} changed states, SEED={seed}, {os.path.relpath(binary, project.ROOT)}')
    start = time.monotonic()
    environment = SETTINGS.environment(QTEST_QEMU_BINARY=binary, MALI_CSF_LOAD_CASES=str(cases),
                       MALI_CSF_LOAD_SEED=str(seed), ASAN_OPTIONS='detect_leaks=0',
                       UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1')
    log = os.path.join(project.BUILD, 'log', 'check-load.log')
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, 'w', encoding='utf-8') as file:
        status = subprocess.run([os.path.join(tree.obj, 'tests/qtest', TEST), '--tap', '-k'],
                                cwd=tree.obj, env=environment, stdin=subprocess.DEVNULL,
                                stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    said = project.read_lossy(log)
    for line in re.findall(r'^(?:not )?ok .*|^# (?:\d+ cases,|Bail out).*', said, re.M):
        say(line.removeprefix('# '))
    if status:
        case = (re.findall(r'case \d+: .*', said) or ['no case'])[-1]
        say(f'failed at {case}; what was said is in {os.path.relpath(log, project.ROOT)}')
    say(f'{"failed" if status else "passed"} after {time.monotonic() - start:.0f} s')
    return project.FAIL if status else project.PASS
