# SPDX-License-Identifier: GPL-2.0-or-later
"""Write tests/kernel/reach.tsv: which guest programs reach which functions of panthor.

Boots stock panthor with the programs of TESTS=, by default all, and a probe of ftrace on each
of its functions.  With --again the last such run is read once more.  What a program costs is
from a run without probes: that of make check-lane or of make boot NAME=reach-cost, if any;
else from the same.

A line is "function", its name and the programs, or "program", its name and seconds of a
processor.  TESTS=touched of make check-patch reads it.

Exit codes: 0 written, 1 not, 2 usage, 125 cannot test.
"""

import json
import os

from malicsf import project
from malicsf.build import build_panthor
from malicsf.check import check_reach
from malicsf.lane import changed_driver, touched
from malicsf.project import say
from malicsf.run import run_guest
from malicsf.settings import SETTINGS

KERNEL, NAME = '7.3', 'reach-map'
# What else is run without probes, and says what programs cost
COSTS = ('lane-stock', 'reach-cost')
HEADER = '''# SPDX-License-Identifier: GPL-2.0-or-later
# Functions of panthor and the guest programs that reach them; seconds of a processor that the
# programs take.  Made by scripts/map-reach.py on Linux {}.
'''


def reached(text):
    """{function: [programs]} from a console"""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith('@@ reached ') and len(words) == 4:
            found.setdefault(words[3], []).append(words[2])
    return found


def costs():
    """{program: seconds of a processor}, those without probes where there are any"""
    found = {}
    for name in (NAME, *COSTS):
        path = os.path.join(run_guest.RUNS, name, 'result.json')
        rows = json.loads(project.read(path, '{}')).get('programs', {})
        found |= {program: row['used'] for program, row in rows.items() if 'used' in row}
    return found


def text_of(reach, seconds):
    rows = [f'{touched.PROGRAM}\t{name}\t{seconds[name]:.1f}' for name in sorted(seconds)]
    rows += [f'{touched.FUNCTION}\t{name}\t{" ".join(reach[name])}' for name in sorted(reach)]
    return HEADER.format(KERNEL) + '\n'.join(rows) + '\n'


def main():
    parser = SETTINGS.parser(__doc__, 'map-reach')
    parser.add_argument('--again', action='store_true', help='read the last run, run nothing')
    options = parser.parse_args()
    SETTINGS.refuse_other_runs('map-reach')
    tests = SETTINGS.take_out('TESTS') or 'all'
    if not options.again:
        _, builder = changed_driver.provide(KERNEL)
        module = builder.stock()
        functions, _ = check_reach.read_source(
            os.path.join(builder.source, build_panthor.DRIVER))
        countable = sorted(set(functions) & check_reach.in_module(module))
        say(f'counting {len(countable)} functions')
        _, reason = run_guest.run_apart([
            f'KERNEL={KERNEL}', f'NAME={NAME}', f'PANTHOR_KO={module}', f'TESTS={tests}',
            f'COUNT={" ".join(countable)}'])
        if reason:
            raise project.Stop(reason, project.FAIL)
    reach = reached(project.read_lossy(os.path.join(run_guest.RUNS, NAME, 'console.log')))
    if not reach:
        raise project.Stop(f'build/run/{NAME}/console.log has no function', project.FAIL)
    project.write(touched.MAP, text_of(reach, costs()))
    say(f'{len(reach)} functions: {os.path.relpath(touched.MAP, project.ROOT)}')
    return project.PASS
