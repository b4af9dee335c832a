# SPDX-License-Identifier: GPL-2.0-or-later
"""What the other scripts share: paths, configuration, messages, errors."""

import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
import zlib

from malicsf.settings import ROOT, SETTINGS
from malicsf.stop import CANNOT_TEST, FAIL, PASS, USAGE, Stop, usage  # noqa: F401 (for others)

BUILD = os.path.join(ROOT, 'build')
CACHE = os.path.abspath(SETTINGS.text('CACHE', os.path.join(BUILD, 'cache')))
MESON_BUILD = os.path.join(BUILD, 'meson')
RUN_GUEST = os.path.join(ROOT, 'scripts/run-guest.py')

LONGEST_NAME = 100      # bytes
FULL = 1 << 20          # bytes that a disk has free when it is full


SAY_PREFIX = ''         # '# ' where standard output is TAP
SILENCE = 10            # seconds after which set-up says what it is still doing
LAST_SAID = ['', 0.0]   # the message, and when


def say(message):
    LAST_SAID[:] = message, time.monotonic()
    print(SAY_PREFIX + message, flush=True)


COLOURS = {'good': '32', 'bad': '31;1', 'odd': '33'}


def coloured(kind, text):
    """A text in a colour of COLOURS, where there is a terminal that has any."""
    if not sys.stdout.isatty() or not SETTINGS.colours():
        return text
    return f'\033[{COLOURS[kind]}m{text}\033[0m'


def warn(text):
    """What a compiler says, say, which is no result"""
    if text:
        print(text.rstrip(), file=sys.stderr, flush=True)


# States of the machine in which a file cannot be used, and what to do where the system's own
# word does not say it
STATES = {
    errno.ENOSPC: '', errno.EDQUOT: '', errno.EROFS: '', errno.EACCES: '', errno.EPERM: '',
    errno.EIO: '', errno.ENOMEM: '', errno.EMFILE: '', errno.ENFILE: '', errno.ELOOP: '',
    errno.ENAMETOOLONG: '', errno.ENOEXEC: '', errno.ETXTBSY: '', errno.ENXIO: '',
    errno.EFBIG: '; "ulimit -f" lets no file be larger',
    errno.EISDIR: ', and should be a file: remove it',
    errno.EEXIST: ', and should be a folder: remove it',
    errno.ENOTDIR: ', and should be one: remove what is there',
}


def open_streams():
    """Standard output that takes any text; Stop if there is none."""
    if sys.stdout is None:
        raise usage('standard output is closed; results go there: >/dev/null if nobody reads them')
    if hasattr(sys.stdout, 'reconfigure'):
        # A path or a variable may hold any bytes.
        sys.stdout.reconfigure(encoding='utf-8', errors='backslashreplace')


def run_main(function):
    """Run a command's main function; one line and an exit code on error."""
    try:
        open_streams()
        try:
            status = function()
        except SystemExit as end:
            status = end.code       # of argparse
        sys.stdout.flush()
        sys.exit(status)
    except Stop as stop:
        print(f'error: {stop}', file=sys.stderr)
        sys.exit(stop.status)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Python would write what is left of it, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAIL)
    except OSError as error:
        # The state of the machine.  Anything else is a mistake of ours, with a traceback.
        if error.errno not in STATES:
            raise
        print(f'error: {error.filename or "standard output"}: {error.strerror.lower()}'
              f'{STATES[error.errno]}', file=sys.stderr)
        if error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(CANNOT_TEST)


@contextlib.contextmanager
def naming(path):
    """Errors of a file that is open already say which file it is."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


def skip_if_unavailable(tap, function):
    """What the function returns; with TAP, what the archive no longer has is a skipped test."""
    try:
        return function()
    except Stop as stop:
        if not tap or 'UNAVAILABLE' not in str(stop):
            raise
        print(f'1..0 # SKIP {stop}')
        return PASS


def config(name):
    path = os.path.join(ROOT, 'configs', name + '.toml')
    try:
        with open(path, 'rb') as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise usage(f'{path}: {error}') from error


def release():
    """Codename of the Debian release of this machine."""
    try:
        fields = platform.freedesktop_os_release()
    except OSError:
        fields = {}
    known = [name for name in config('host')['packages'] if name != 'common']
    codename = fields.get('VERSION_CODENAME', '')
    if fields.get('ID') != 'debian' or codename not in known:
        raise Stop(f'this machine runs {fields.get("PRETTY_NAME", "no Linux we know")}; '
                   f'supported: Debian {" and ".join(known)}; elsewhere in a container: podman '
                   'build -t mali-csf . && podman run --rm -it -v "$PWD":/mali-csf mali-csf make '
                   'boot')
    return codename


# Of these QEMU's configure, and the kernel's make, let no other be in a path
PATH_CHARACTERS = re.compile(r'[\w/.,@%+=~^-]*')


def require_host():
    for path in (ROOT, BUILD):
        if not PATH_CHARACTERS.fullmatch(path):
            raise usage(f'{path}: QEMU and kernel modules cannot be built in a folder with blanks, '
                        'quotes and the like in its path: move it')
    supported = config('host')['architectures']
    machine = platform.machine()
    if machine not in supported or sys.byteorder != 'little':
        raise Stop(f'host architecture {machine} is not supported; '
                   f'supported (64-bit, little-endian): {", ".join(supported)}')
    release()
    try:
        os.makedirs(CACHE, exist_ok=True)
    except OSError as error:
        raise usage(f'CACHE={CACHE} is no folder and cannot be made one: '
                    f'{error.strerror.lower()}') from error


def require_disk(gib):
    os.makedirs(BUILD, exist_ok=True)
    free = shutil.disk_usage(BUILD).free / 2**30
    if free < gib:
        raise Stop(f'{free:.1f} GiB free below {BUILD}, {gib} GiB needed')


def short(name):
    """A file name with room for endings, of one that may be as long as a file system allows."""
    raw = name.encode('utf-8', 'surrogateescape')
    if len(raw) <= LONGEST_NAME:
        return name
    return f'{raw[:LONGEST_NAME].decode("utf-8", "ignore")}-{zlib.crc32(raw):08x}'


def read(path, default=''):
    """A text; bytes that are no UTF-8 are kept, and write() writes them as they were."""
    try:
        with open(path, encoding='utf-8', errors='surrogateescape') as file, naming(path):
            return file.read()
    except FileNotFoundError:
        return default


def read_lossy(path):
    """A log, in which anything may be written; '' if there is none."""
    try:
        with open(path, encoding='utf-8', errors='replace') as file:
            return file.read()
    except FileNotFoundError:
        return ''


def write(path, text):
    """Write a file unless it holds that text already."""
    if read(path, None) != text:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with naming(path), open(path + '.new', 'w', encoding='utf-8',
                                errors='surrogateescape') as file:
            file.write(text)
        os.replace(path + '.new', path)


def files_below(*folders):
    """Every regular file below the folders, in a stable order."""
    for folder in folders:
        for parent, folders_here, names in os.walk(folder):
            folders_here.sort()
            for name in sorted(names):
                yield os.path.join(parent, name)


def digest_of_files(*paths):
    """A hash that knows what is in those of the files that are there."""
    digest = hashlib.sha256()
    for path in paths:
        if os.path.exists(path):
            with open(path, 'rb') as file:
                digest.update(hashlib.file_digest(file, 'sha256').digest())
    return digest


def stamp_of(paths):
    """A text that changes when one of the files changes."""
    rows = []
    for path in paths:
        status = os.stat(path)
        rows.append(f'{path} {status.st_size} {status.st_mtime_ns}\n')
    return ''.join(rows)


def command(arguments, log=None, **options):
    """Run a program; its output goes to the log, which is shown on failure."""
    log = log or os.path.join(BUILD, 'log', os.path.basename(arguments[0]) + '.log')
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, 'w', encoding='utf-8') as file:
        result = subprocess.run(arguments, stdin=subprocess.DEVNULL, stdout=file,
                                stderr=subprocess.STDOUT, check=False, **options)
    if result.returncode:
        with open(log, encoding='utf-8', errors='replace') as file:
            said = file.readlines()
        sys.stderr.write(''.join(said[-20:]))
        full = next((f': {line.strip()[:300]}' for line in said
                     if os.strerror(errno.ENOSPC) in line), no_room())
        raise Stop(f'{" ".join(arguments[:2])} failed{full}; everything it said is in {log}')


def no_room(folder=None):
    """Words to put behind a failure, if the disk is full."""
    folder = folder or BUILD
    try:
        status = os.statvfs(folder)
    except OSError:
        return ''
    if status.f_bavail * status.f_frsize < FULL:
        return f', and the disk of {folder} is full'
    return f', and the disk of {folder} has no room for more files' \
        if status.f_files and not status.f_favail else ''


def manifest(use, rows):
    """Record in build/manifest the packages and versions that serve a use."""
    path = os.path.join(BUILD, 'manifest')
    lines = {line for line in read(path).splitlines() if line.split('\t')[0] != use}
    lines |= {'\t'.join((use,) + tuple(row)) for row in rows}
    write(path, ''.join(line + '\n' for line in sorted(lines)))


class Patience:
    """While it lasts, a line for every ten seconds in which nothing was said.

    seconds: in place of these
    subject: a function that says what goes on, in place of what was said last
    """

    def __init__(self, seconds=None, subject=None):
        self.seconds, self.subject = seconds, subject

    def __enter__(self):
        self.ended = threading.Event()
        LAST_SAID[1] = time.monotonic()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self):
        began, subject = time.monotonic(), ''
        silence = self.seconds or SILENCE
        while not self.ended.wait(silence / 10):
            message, at = LAST_SAID
            message = self.subject() if self.subject else message
            if message != subject:
                began, subject = (time.monotonic() if self.subject else at), message
            if time.monotonic() - at >= silence:
                LAST_SAID[1] = time.monotonic()
                print(f'{SAY_PREFIX}... {subject or "setting up"}: '
                      f'{time.monotonic() - began:.0f} s', flush=True)

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


class Lock(Patience):
    """One set-up at a time; a second one waits and then finds it done."""

    def __enter__(self):
        os.makedirs(BUILD, exist_ok=True)
        self.file = open(os.path.join(BUILD, 'lock'), 'w', encoding='utf-8')
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say('waiting for another set-up in the same build folder')
            fcntl.flock(self.file, fcntl.LOCK_EX)
        return super().__enter__()

    def __exit__(self, *_):
        super().__exit__()
        self.file.close()


class Progress:
    """A line now and then for work that takes minutes."""

    def __init__(self, title, seconds=8, unit='steps'):
        self.title, self.seconds, self.unit = title, seconds, unit
        self.last = time.monotonic()

    def step(self, done, total=None):
        """total: None if it is not known"""
        now = time.monotonic()
        if now - self.last >= self.seconds:
            self.last = now
            say(f'{self.title}: {done}' + (f' of {total} {self.unit} ({100 * done // total} %)'
                                           if total else f' {self.unit}'))
