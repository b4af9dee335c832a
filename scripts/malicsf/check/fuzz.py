# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzz the device with libFuzzer under the address and undefined-behaviour sanitizers.

FUZZ_SECONDS are shared by the targets, and each target's by the models.  Each
target has a folder below build/fuzz/: the corpus, which later runs go on with,
the logs, and the inputs that ended QEMU.  INPUT=file runs such a file again.
"""

import ctypes
import os
import re
import signal
import subprocess

from malicsf import host_packages, project
from malicsf.build import build_fuzz, build_qemu
from malicsf.project import say, Stop
from malicsf.settings import SETTINGS

FOLDER = os.path.join(project.BUILD, 'fuzz')
# Inputs of a guest run, which scripts/record-seeds.py makes
RECORDED = os.path.join(project.ROOT, 'tests/fuzz/seeds')
SECONDS = 600
# The first architecture and the last, which have all instructions between them
MODELS = ['g610', 'g1-ultra']
# One input takes milliseconds; what takes so many seconds is a loop
INPUT_SECONDS = 30
# For the start, and for the inputs that are there: all of them are run first
SPARE_SECONDS = 120
MAX_LENGTH = 8192
OPTIONS = {
    'ASAN_OPTIONS': 'detect_leaks=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:print_stacktrace=1',
}


def environment(**more):
    return SETTINGS.environment(**OPTIONS, **more)


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def fuzz(fuzzer, target, model, folder, arguments, seeds=None, limit=None):
    """Run the fuzzer; returns (exit status, what it said).

    limit: seconds after which it is ended, in case that it does not end itself
    """
    variables = environment(MALI_CSF_FUZZ_MODEL=model)
    if seeds:
        variables['MALI_CSF_FUZZ_SEEDS'] = seeds
    log = os.path.join(folder, f'log-{model}')
    with open(log, 'wb') as file:
        try:
            status = subprocess.run([fuzzer, f'--fuzz-target={target}', *arguments],
                                    cwd=folder, env=variables, stdin=subprocess.DEVNULL,
                                    stdout=file, stderr=subprocess.STDOUT, check=False,
                                    timeout=limit, preexec_fn=die_with_parent).returncode
        except subprocess.TimeoutExpired:
            file.write(f'\nSUMMARY: not ended after {limit} s\n'.encode())
            status = 'time-out'
    return status, project.read_lossy(log)


def targets(fuzzer):
    """Names of the device's targets."""
    said = subprocess.run([fuzzer, '--fuzz-target='], capture_output=True, text=True,
                          errors='replace', env=environment(), check=False)
    names = re.findall(r'^ \* (mali-csf-\w+) ', said.stdout + said.stderr, re.M)
    if not names:
        raise Stop(f'{fuzzer} has no target of ours: {said.stderr.strip()[-200:]}',
                   project.FAIL)
    return sorted(names)


def write_recorded(target, folder):
    """The recorded inputs of a target, each as a file."""
    for number, line in enumerate(project.read(os.path.join(RECORDED, target)).splitlines()):
        name, _, data = line.partition(' ')
        with open(os.path.join(folder, f'{name}-{number:02}'), 'wb') as file:
            file.write(bytes.fromhex(data))


def number_after(text, said):
    found = re.findall(re.escape(text) + r'\s*(\d+)', said)
    return int(found[-1]) if found else 0


def reason_of(said):
    """The line of a report that says most."""
    for pattern in (r'^SUMMARY: (.*)$', r'runtime error: (.*)$', r'^(?:ERROR|==\d+==).*?: (.*)$',
                    r'^(.*[Aa]ssertion.*)$'):
        found = re.search(pattern, said, re.M)
        if found:
            return found[1]
    return (said.strip().splitlines() or ['it said nothing'])[-1]


class Result:
    """What came of fuzzing a target for a time."""

    def __init__(self, status, said, corpus):
        self.executed = number_after('stat::number_of_executed_units:', said)
        self.coverage = number_after('cov:', said)
        self.corpus = len(os.listdir(corpus))
        self.survived = not status and bool(self.executed)
        self.artifact = (re.findall(r'Test unit written to (\S+)', said) or [None])[-1]
        self.reason = None if self.survived else reason_of(said)


def run_target(fuzzer, target, model, folder, seconds, input_seconds=INPUT_SECONDS, seed=None):
    """Fuzz one target on one model for a time, in a folder of its own.

    seed: the one input to start from, in place of those of the target and the recorded ones
    """
    seeds, corpus = os.path.join(folder, 'seeds'), os.path.join(folder, 'corpus')
    for name in (seeds, corpus):
        os.makedirs(name, exist_ok=True)
    if seed is None:
        write_recorded(target, seeds)
    else:
        with open(os.path.join(seeds, 'seed'), 'wb') as file:
            file.write(seed)
    status, said = fuzz(fuzzer, target, model, folder,
                        [f'-max_total_time={seconds}', f'-timeout={input_seconds}',
                         f'-max_len={MAX_LENGTH}', '-rss_limit_mb=4096', '-detect_leaks=1',
                         '-print_final_stats=1', '-use_value_profile=1',
                         f'-artifact_prefix={folder}/', corpus, seeds],
                        seeds if seed is None else None,
                        seconds + input_seconds + SPARE_SECONDS)
    refused = re.search(r'^qemu-\S+: -device .*?: (.*)$', said, re.M)
    if refused:
        raise project.usage(f'FUZZ_MODEL={model}: {refused[1]}')
    return Result(status, said, corpus)


def run_and_tell(fuzzer, target, model, seconds):
    """Fuzz, and say what came of it; whether the target survived."""
    folder = os.path.join(FOLDER, target)
    result = run_target(fuzzer, target, model, folder, seconds)
    say(f'{target} on {model}: {result.executed} inputs in {seconds} s, '
        f'{result.executed // seconds}/s, {result.coverage} edges covered, '
        f'{result.corpus} inputs in the corpus')
    if result.survived:
        return True
    say(f'{target} on {model}: failed: {result.reason}')
    log = os.path.join(folder, f'log-{model}')
    say(f'  what it said: {os.path.relpath(log, project.ROOT)}')
    if result.artifact:
        say(f'  again: make fuzz FUZZ_TARGET={target} FUZZ_MODEL={model} '
            f'INPUT={os.path.relpath(result.artifact, project.ROOT)}')
    return False


def run_input(fuzzer, target, model, path):
    folder = os.path.join(FOLDER, target)
    os.makedirs(folder, exist_ok=True)
    status, said = fuzz(fuzzer, target, model, folder, [os.path.abspath(path)])
    print(said)
    say(f'{target}: {"failed: " + reason_of(said) if status else "survives " + path}')
    return not status


def main():
    SETTINGS.parser(__doc__, 'fuzz').parse_args()
    seconds = SETTINGS.number('FUZZ_SECONDS', SECONDS)
    path = SETTINGS.text('INPUT')
    if path and not os.path.isfile(path):
        raise project.usage(f'INPUT={path}: no such file')
    project.require_host()
    host_packages.provide()
    with project.Lock():
        fuzzer = build_fuzz.build(build_qemu.from_environment()).fuzzer
    names = targets(fuzzer)
    wanted = SETTINGS.words('FUZZ_TARGET') or names
    models = SETTINGS.words('FUZZ_MODEL') or MODELS
    for name in wanted:
        if name not in names:
            raise project.usage(f'FUZZ_TARGET={name} is no target; valid: {", ".join(names)}')
    if path:
        if len(wanted) != 1:
            raise project.usage('INPUT= takes one target: FUZZ_TARGET=name')
        return project.PASS if run_input(fuzzer, wanted[0], models[0], path) else project.FAIL
    each = max(seconds // (len(wanted) * len(models)), 1)
    survived = [run_and_tell(fuzzer, name, model, each) for name in wanted for model in models]
    say(f'{sum(survived)} passed, {len(survived) - sum(survived)} failed')
    return project.PASS if all(survived) else project.FAIL
