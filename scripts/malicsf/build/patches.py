# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches for panthor, in the forms in which people have them.

A file that is a patch, or a mail, or a mailbox of several; a folder of such files, or a
maildir; standard input; commits of a git repository.  A mail may be encoded in any way.
"""

import dataclasses
import email
import email.policy
import fnmatch
import mailbox
import os
import re
import stat
import subprocess
import sys
import tempfile

from malicsf import project
from malicsf.project import say
from malicsf.settings import SETTINGS

DRIVER = 'drivers/gpu/drm/panthor'
UAPI = 'include/uapi/drm/panthor_drm.h'
# Files that need not be built to have their effect on a driver: none.
NOT_CODE = re.compile(r'Documentation/|MAINTAINERS$|arch/\w+/boot/dts/'
                      r'|.*\.(rst|txt|yaml|json|md)$')
# Far more than any patch of this driver has: "patch" takes its time over each hunk
MAX_PATCH, MAX_HUNKS = 16 << 20, 20000
STDIN = ('-', '/dev/stdin')
ENDINGS = ('.patch', '.mbox', '.mbx', '.diff', '.eml')
# The line before each mail of an mbox, from any other that begins with "From "
MBOX_LINE = re.compile(rb'From \S+.* \d{1,2}:\d\d(:\d\d)? .*\d{4}')
OTHER_FROM = re.compile(rb'^From (?!\S+.* \d{1,2}:\d\d(:\d\d)? .*\d{4})', re.M)
HEADER = re.compile(rb'[A-Za-z][\w-]*:')
REPLY = re.compile(r'\s*(re|aw|fwd?|sv|antw)\s*:', re.I)


@dataclasses.dataclass
class Patch:
    """A patch; text, with surrogate escapes, is what it changes in the driver and the uAPI."""
    name: str                           # its subject, or that of its file
    text: str = ''
    left_out: list = dataclasses.field(default_factory=list)    # paths
    problem: str = ''                   # why it cannot be tested

    def __bool__(self):
        """Whether there is anything in it to test."""
        return bool(self.text or self.problem)

    def paths(self):
        """The files that its text changes"""
        return {section.path for section in sections(self.text)}


class Section:
    """What a patch does to one file."""

    def __init__(self):
        self.path, self.lines, self.hunks = None, [], 0


def name_of(line):
    """The path in a line "--- a/path" or "+++ b/path", without the first part."""
    name = line[4:].split('\t')[0].strip().strip('"')
    return None if name == '/dev/null' else name.partition('/')[2]


def sections(text):
    """The sections of a patch, of a series in one file, or of a mail."""
    found, current, old, new = [], None, 0, 0
    for line in text.splitlines(keepends=True):
        if current and (old > 0 or new > 0):
            # Inside a hunk: a removed line may look like a header.
            old -= line[:1] in ' -\n\r'
            new -= line[:1] in ' +\n\r'
            current.lines.append(line)
            continue
        hunk = re.match(r'@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@', line)
        if hunk and current and current.path:
            old, new = (int(count) if count else 1 for count in hunk.groups())
            current.hunks += 1
            current.lines.append(line)
        elif line.startswith('diff --git '):
            current = Section()
            found.append(current)
            current.lines.append(line)
        elif line.startswith('--- ') and not line.startswith('--- \n'):
            if not current or current.hunks:
                current = Section()
                found.append(current)
            current.path = name_of(line)
            current.lines.append(line)
        elif line.startswith('+++ ') and current:
            current.path = name_of(line) or current.path
            current.lines.append(line)
        elif current and not current.hunks:
            renamed = re.match(r'rename (?:from|to) (.*)', line)
            if renamed:
                current.path = renamed[1]
            current.lines.append(line)
        elif current and line.startswith('\\'):
            current.lines.append(line)
    return [section for section in found if section.path]


def patch_of(name, found):
    """The Patch that is made of some sections."""
    for section in found:
        if os.path.normpath(section.path) != section.path or section.path.startswith('/'):
            raise project.usage(f'{name}: {section.path} is no path in a kernel tree')
    ours = [section for section in found
            if section.path.startswith(DRIVER + '/') or section.path == UAPI]
    others = sorted({section.path for section in found} - {section.path for section in ours})
    unwanted = SETTINGS.words('LEAVE_OUT')
    code = [path for path in others if not NOT_CODE.match(path)
            and not any(fnmatch.fnmatch(path, pattern) for pattern in unwanted)]
    return Patch(name, ''.join(line for section in ours for line in section.lines), others,
                 f'it changes {code[0]}; only {DRIVER} and its uAPI header are built here: '
                 f'LEAVE_OUT={code[0]} tests the rest, if that builds; else build the kernel and '
                 'use make boot KERNEL=' if code else '')


# -- mails

def decoded(part):
    """The text of a part of a mail; bytes that its charset lacks are kept as they are."""
    data = part.get_payload(decode=True) or b''
    charset = (part.get_content_charset() or 'utf-8').lower()
    if charset not in ('utf-8', 'us-ascii'):
        try:
            return data.decode(charset)
        except (LookupError, UnicodeDecodeError):
            pass
    return data.decode('utf-8', 'surrogateescape')


def body_of(message):
    """The text of a mail, and of the patches that are attached to it."""
    parts = [part for part in message.walk() if not part.is_multipart() and (
        part.get_content_type() in ('text/plain', 'text/x-patch', 'text/x-diff')
        or (part.get_filename() or '').endswith(ENDINGS))]
    return '\n'.join(decoded(part) for part in parts).replace('\r\n', '\n')


def parse(file):
    return email.message_from_binary_file(file, policy=email.policy.default)


def is_mail(data):
    head = data[:1 << 16].replace(b'\r\n', b'\n').split(b'\n\n')[0].split(b'\n')
    return bool(MBOX_LINE.match(head[0])) or (
        any(re.match(rb'(Subject|From|Message-ID):', line, re.I) for line in head)
        and all(HEADER.match(line) or line[:1] in (b' ', b'\t') for line in head))


def mails_in(data):
    """The mails of a file that is one, or an mbox."""
    if not data.startswith(b'From '):
        return [email.message_from_bytes(data, policy=email.policy.default)]
    data = OTHER_FROM.sub(b'>From ', data.replace(b'\r\n', b'\n'))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'mbox')
        with open(path, 'wb') as file:
            file.write(data)
        box = mailbox.mbox(path, factory=parse, create=False)
        try:
            return list(box)
        finally:
            box.close()


class Mail:
    """A mail that may be a patch: what its subject says, and its sections."""

    def __init__(self, message):
        subject = ' '.join(str(message.get('Subject', '')).split())
        self.reply = bool(REPLY.match(subject))
        subject = re.sub(REPLY, '', subject).strip()
        tags = ''
        while found := re.match(r'\[([^\]]*)\]\s*', subject):
            tags += ' ' + found[1]
            subject = subject[found.end():]
        number = re.search(r'\b(\d+)/(\d+)\b', tags)
        version = re.search(r'\bv(\d+)\b', tags, re.I)
        self.name = subject or 'a mail without a subject'
        self.number, self.of = (int(text) for text in number.groups()) if number else (None, None)
        self.version = int(version[1]) if version else 1
        self.sections = [section for section in sections(body_of(message)) if section.hunks]


def series(mails, source):
    """The Patches of some mails, in their order; what is none is left out."""
    found = [mail for mail in mails if mail.sections and mail.number != 0]
    # Who answers may propose a change; it is no part of the series.
    found = [mail for mail in found if not mail.reply] or found[:1]
    newest = max((mail.version for mail in found), default=1)
    if any(mail.version != newest for mail in found):
        say(f'{source}: of several versions of a series, v{newest} is taken')
        found = [mail for mail in found if mail.version == newest]
    if found and all(mail.number for mail in found):
        found = list({mail.number: mail for mail in reversed(found)}.values())
        found.sort(key=lambda mail: mail.number)
        missing = set(range(1, found[0].of + 1)) - {mail.number for mail in found}
        if missing and len(found) > 1:
            say(f'{source}: of {found[0].of} patches there is none with the number '
                + ', '.join(str(number) for number in sorted(missing)))
    return [patch_of(mail.name, mail.sections) for mail in found]


# -- where they come from

def limited(data, name):
    if len(data) > MAX_PATCH:
        raise project.usage(f'{name} is larger than {MAX_PATCH >> 20} MiB; the whole driver is not '
                            'one')
    return data


def read_file(path):
    """(bytes, name) of a file, or of standard input."""
    if path in STDIN:
        return limited(sys.stdin.buffer.read(MAX_PATCH + 1), 'stdin'), 'stdin'
    name = os.path.basename(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise project.usage(f'PATCH={path} is no regular file: write the patch to one, or use '
                                'PATCH=- for standard input')
        with open(path, 'rb') as file:
            return limited(file.read(MAX_PATCH + 1), name), name
    except OSError as error:
        hint = '; commits are named with GIT=dir, the repository' if '..' in path else ''
        raise project.usage(f'PATCH={path}: {error.strerror.lower()}{hint}') from error


def patches_in(data, name):
    """The Patches of a file's bytes."""
    if is_mail(data):
        mails = [Mail(message) for message in mails_in(data)]
        found = series(mails, name)
        if found and len(mails) == 1 and name.endswith(ENDINGS):
            found[0].name = name
        return found
    text = data.decode('utf-8', 'surrogateescape').replace('\r\n', '\n')
    found = sections(text)
    return [patch_of(name, found)] if any(section.hunks for section in found) else []


def is_maildir(path):
    return all(os.path.isdir(os.path.join(path, name)) for name in ('cur', 'new'))


def in_folder(path):
    """The Patches of a folder's files, in the order of their names, or of a maildir."""
    if is_maildir(path):
        messages = list(mailbox.Maildir(path, factory=parse, create=False))
        return series([Mail(message) for message in messages], os.path.basename(path))
    names = sorted(name for name in os.listdir(path) if name.endswith(ENDINGS)
                   # What "git format-patch --cover-letter" puts before the series
                   and not name.endswith('-cover-letter.patch'))
    if not names:
        raise project.usage(f'PATCH={path} is a folder without *.patch, *.mbox or *.diff, and no '
                            'maildir')
    found = []
    for name in names:
        patches = patches_in(*read_file(os.path.join(path, name)))
        if not patches:
            raise no_patch(name)
        found += patches
    return found


def from_git(revisions, folder):
    """The Patches of commits: a range, or a single one."""
    if not os.path.isdir(folder):
        raise project.usage(f'GIT={folder}: no such folder')
    if revisions.startswith('-'):
        raise project.usage(f'PATCH={revisions} is no range of commits')
    command = ['git', '-C', folder, 'format-patch', '--stdout', '--no-attach', '--no-signature',
               '--no-color', '--no-ext-diff', '--no-renames', '--no-stat', '--src-prefix=a/',
               '--dst-prefix=b/', '--no-cover-letter', '--subject-prefix=PATCH',
               *([] if '..' in revisions else ['-1']), '--end-of-options', revisions]
    with tempfile.TemporaryFile() as errors, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=errors) as process:
        data = process.stdout.read(MAX_PATCH + 1)
        if len(data) > MAX_PATCH:
            process.kill()
        status = process.wait()
        errors.seek(0)
        said = errors.read().decode('utf-8', 'replace').strip().splitlines()
    limited(data, revisions)
    if status:
        raise project.usage(f'PATCH={revisions}, GIT={folder}: {(said or ["git failed"])[0]}')
    if not data:
        raise project.usage(f'PATCH={revisions}: there is no commit in it')
    return patches_in(data, revisions)


def no_patch(name):
    return project.usage(f'{name} is no patch: it has no "--- a/..." with "@@" behind it')


def read(path, git=''):
    """The Patches that PATCH names, in the order in which they apply; at least one.

    git: a repository, if PATCH names commits of it
    """
    if git:
        found, name = from_git(path, git), path
    elif os.path.isdir(path):
        found, name = in_folder(path), os.path.basename(os.path.normpath(path))
    else:
        data, name = read_file(path)
        found = patches_in(data, name)
    if not found:
        raise no_patch(name)
    if sum(len(re.findall('^@@ ', patch.text, re.M)) for patch in found) > MAX_HUNKS:
        raise project.usage(f'{name} has more than {MAX_HUNKS} hunks; the whole driver has not '
                            'so many lines')
    return found
