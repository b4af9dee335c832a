# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of other suites and architectures, without installing them.

A private apt configuration for each suite, with all of its state in the
cache folder: the machine's own apt is read (mirror, proxy, keyrings), never
changed.  What was fetched is remembered by the use it serves and is used
again without the network; UPDATE=1 looks for something newer.
"""

import functools
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse

from malicsf import project
from malicsf.project import Stop
from malicsf.settings import SETTINGS

KEYRINGS = ['/usr/share/keyrings/debian-archive-keyring.gpg',
            '/usr/share/keyrings/debian-archive-keyring.pgp']
NO_NETWORK = re.compile(r'Could not (resolve|connect)|Temporary failure|Unable to connect|'
                        r'Connection (failed|timed out|refused)|Network is unreachable|'
                        r'Cannot initiate the connection')
LISTS_VALID = 24 * 3600


@functools.cache
def mirror():
    """The Debian mirror that this machine's own apt uses."""
    codename = project.release()
    result = subprocess.run(
        ['apt-get', 'indextargets', '--format', '$(RELEASE)|$(COMPONENT)|$(REPO_URI)',
         'Created-By: Packages'], capture_output=True, text=True, check=False)
    for line in result.stdout.splitlines():
        name, component, uri = line.split('|', 2)
        if name == codename and component == 'main':
            return uri
    raise Stop(f'apt has no source for {codename} main; add the Debian mirror to its sources')


def apt(suite, component, *arguments, folder=None):
    """Run a private apt program and return what it printed."""
    conf = os.path.join(CACHE_APT, f'{suite}-{component}', 'apt.conf')
    program, *rest = arguments
    result = subprocess.run([program, '-c', conf, *rest], cwd=folder, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True, check=False,
                            env=SETTINGS.environment(LC_ALL='C.UTF-8'))
    if result.returncode:
        said = result.stderr + result.stdout
        if NO_NETWORK.search(said):
            raise NoNetwork(f'no network: {mirror()} cannot be reached for {suite}; connect, or '
                            'point CACHE= at a folder that an earlier set-up has filled')
        lines = [line for line in said.splitlines() if line.startswith(('E:', 'Err:'))]
        raise Stop(f'{program} {rest[0]} for {suite}: {(lines or ["failed"])[-1]}')
    return result.stdout


CACHE_APT = os.path.join(project.CACHE, 'apt')
PACKAGES = os.path.join(project.CACHE, 'packages')
INDEX = os.path.join(project.CACHE, 'index.json')


class NoNetwork(Stop):
    """The mirror cannot be reached."""


@functools.cache
def open_suite(suite, component='main'):
    """Make the package lists of a suite available.

    A suite's packages are the guest's, of arm64; "trixie@amd64" has those of
    another architecture.
    """
    codename, _, architecture = suite.partition('@')
    architecture = architecture or 'arm64'
    folder = os.path.join(CACHE_APT, f'{suite}-{component}')
    for name in ('state/lists/partial', 'cache/archives/partial'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    keyring = next((f' signed-by={path}' for path in KEYRINGS if os.path.exists(path)), '')
    project.write(os.path.join(folder, 'sources.list'),
                  f'deb [arch={architecture}{keyring}] {mirror()} {codename} {component}\n'
                  f'deb-src [arch={architecture}{keyring}] {mirror()} {codename} {component}\n')
    project.write(os.path.join(folder, 'status'), '')
    project.write(os.path.join(folder, 'apt.conf'), f'''\
Dir::State "{folder}/state";
Dir::State::Lists "{folder}/state/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures "{architecture}";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
''')
    stamp = os.path.join(folder, 'updated')
    age = time.time() - os.path.getmtime(stamp) if os.path.exists(stamp) else LISTS_VALID
    if age >= LISTS_VALID or SETTINGS.is_on('UPDATE'):
        project.say(f'reading the package lists of {suite}'
                    + ('' if component == 'main' else f' {component}'))
        apt(suite, component, 'apt-get', 'update', '-q')
        project.write(stamp, f'{time.time()}\n')
    return component


def newest(versions):
    """The newest of some Debian versions."""
    def compare(one, other):
        return 1 if subprocess.run(['dpkg', '--compare-versions', one, 'gt', other],
                                   check=False).returncode == 0 else -1
    return max(versions, key=functools.cmp_to_key(compare))


def binary_packages(suite, prefix, pattern, component='main'):
    """{name: version} of the packages with that prefix whose rest matches."""
    open_suite(suite, component)
    names = [name for name in apt(suite, component, 'apt-cache', 'pkgnames', prefix).split()
             if re.fullmatch(pattern, name[len(prefix):])]
    found, name = {}, None
    if names:
        for line in apt(suite, component, 'apt-cache', 'show', '--no-all-versions',
                        *names).splitlines():
            if line.startswith('Package: '):
                name = line[9:]
            elif line.startswith('Version: ') and name:
                found.setdefault(name, line[9:])
    return found


def source_versions(suite, name):
    open_suite(suite)
    said = apt(suite, 'main', 'apt-cache', 'showsrc', '--only-source', name)
    return re.findall(r'^Version: (\S+)', said, re.M)


def download(suite, component, arguments):
    """Fetch into the cache folder; whole files only.  Returns their paths."""
    partial = os.path.join(PACKAGES, 'partial')
    os.makedirs(partial, exist_ok=True)
    for name in os.listdir(partial):
        os.remove(os.path.join(partial, name))
    apt(suite, component, 'apt-get', '-q', *arguments, folder=partial)
    paths = []
    for name in sorted(os.listdir(partial)):
        os.replace(os.path.join(partial, name), os.path.join(PACKAGES, name))
        paths.append(os.path.join(PACKAGES, name))
    return paths


def fetch_binary(suite, wanted, component='main'):
    """Fetch {name: version}.  Returns the rows that remembered() keeps."""
    rows = []
    for name, version in wanted.items():
        project.say(f'fetching {name} {version} ({suite})')
        path, = download(suite, component, ['download', f'{name}={version}'])
        rows.append({'suite': suite, 'name': name, 'version': version,
                     'file': os.path.basename(path)})
    return rows


def fetch_source(suite, name, version):
    project.say(f'fetching the source of {name} {version} ({suite})')
    paths = download(suite, 'main', ['source', '--download-only', f'{name}={version}'])
    dsc = next(path for path in paths if path.endswith('.dsc'))
    return [{'suite': suite, 'name': name, 'version': version, 'file': os.path.basename(dsc)}]


def with_needed(suite, names):
    """Rows, with sizes, of packages and of all that they need, as apt resolves it."""
    open_suite(suite)
    said = apt(suite, 'main', 'apt-get', 'install', '-qq', '--yes', '--no-install-recommends',
               '--print-uris', *names)
    rows = []
    for line in said.splitlines():
        # 'address' file size hash
        fields = line.split()
        if len(fields) >= 3 and fields[0].startswith("'"):
            name, version, _ = urllib.parse.unquote(fields[1]).split('_')
            rows.append({'suite': suite, 'name': name, 'version': version, 'file': fields[1],
                         'size': int(fields[2])})
    return sorted(rows, key=lambda row: row['name'])


def fetch_with_needed(suite, names, title):
    """Fetch packages and all that they need; says how much that is, and how it gets on."""
    rows = with_needed(suite, names)
    missing = [row for row in rows if not os.path.exists(path_of(row))]
    size = sum(row['size'] for row in missing)
    project.say(f'fetching {title}: {len(missing)} packages, {size / 1e6:.0f} MB ({suite})')
    os.makedirs(os.path.join(PACKAGES, 'partial'), exist_ok=True)
    progress = project.Progress('fetching ' + title, unit='MB')
    ended = threading.Event()

    def watch():
        while not ended.wait(1):
            paths = [path for row in missing
                     for path in (path_of(row), os.path.join(PACKAGES, 'partial', row['file']))]
            done = sum(os.path.getsize(path) for path in paths if os.path.exists(path))
            progress.step(min(done, size) // 1000000, max(size // 1000000, 1))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        # apt compares what it fetches with the lists, whose signature it has verified.
        apt(suite, 'main', 'apt-get', 'install', '-qq', '--yes', '--no-install-recommends',
            '--download-only', '-o', f'Dir::Cache::Archives={PACKAGES}', *names)
    finally:
        ended.set()
        watcher.join()
    return rows


def read_index():
    """{use: rows}; what is damaged is not there, and fetched again."""
    try:
        index = json.loads(project.read(INDEX, '{}'))
        return {use: rows for use, rows in index.items() if rows
                and all({'suite', 'name', 'version', 'file'} <= row.keys() for row in rows)}
    except (AttributeError, TypeError, ValueError):
        project.say(f'{INDEX} is damaged; what was fetched is looked for again')
        return {}


def remembered(use, find):
    """Rows fetched earlier for a use, or those that find() fetches now."""
    index = read_index()
    rows = index.get(use)
    if rows and not all(os.path.exists(path_of(row)) for row in rows):
        rows = None
    if not rows or SETTINGS.is_on('UPDATE'):
        try:
            rows = find()
        except NoNetwork as stop:
            if not rows:
                raise
            project.say(f'{stop}; going on with what was fetched before')
        index[use] = rows
        project.write(INDEX, json.dumps(index, indent=1, sort_keys=True) + '\n')
    project.manifest(use, [(row['name'], row['version'], row['suite']) for row in rows])
    return rows


def path_of(row):
    return os.path.join(PACKAGES, row['file'])


def unpack(rows, folder):
    """Unpack binary packages into a folder, which is complete if it exists."""
    if os.path.exists(folder):
        return folder
    partial = folder + '.new'
    subprocess.run(['rm', '-rf', partial], check=True)
    os.makedirs(partial)
    for row in rows:
        project.command(['dpkg', '-x', path_of(row), partial])
    os.replace(partial, folder)
    return folder
