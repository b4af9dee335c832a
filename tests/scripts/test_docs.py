# SPDX-License-Identifier: GPL-2.0-or-later
"""What the documents name is there, and each file has somebody who looks after it."""

import fnmatch
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

import project  # noqa: E402

# Folders of ours: what a document names below them has to be there.  The rest, such as
# drivers/gpu or arm/mali, is somebody else's.
OURS = ('.ci', 'configs', 'docs', 'hw/gpu', 'include/hw/gpu', 'patches', 'qapi', 'scripts',
        'tests', 'tools')
THEIRS = ['docs/devel/tracing.rst']     # of QEMU


def read(name):
    return project.read(os.path.join(project.ROOT, name))


def tracked():
    """Names of the files of the repository, or of all that are not built without git."""
    result = subprocess.run(['git', '-C', project.ROOT, 'ls-files', '-z'], capture_output=True,
                            text=True, check=False)
    names = result.stdout.split('\0') if result.returncode == 0 else [
        os.path.relpath(path, project.ROOT) for path in project.files_below(project.ROOT)
        if not path.startswith((project.BUILD, os.path.join(project.ROOT, '.git/')))
        and '__pycache__' not in path]
    return [name for name in names if name and os.path.exists(os.path.join(project.ROOT, name))]


FILES = tracked()
DOCUMENTS = [name for name in FILES if name.endswith('.rst')] + ['README.md']


def names_in(text):
    """Paths that a document names, with * for what it leaves open."""
    for literal in re.findall(r'`+([^`\n]+)`', text):
        for word in literal.split():
            word = re.sub(r'<[^>]*>', '*', word.rstrip('.,;:)')).partition('=')[2] or word
            word = re.sub(r'<[^>]*>', '*', word)
            if re.fullmatch(r'[\w.+*-]+(/[\w.+*-]+)+/?', word) and \
                    word.startswith(tuple(folder + '/' for folder in OURS)):
                yield word.rstrip('/')


def is_there(name):
    return name in THEIRS or any(
        file.startswith(name + '/') or fnmatch.fnmatchcase(file, name) for file in FILES)


def targets():
    found = set()
    for line in re.findall(r'^([\w. -]+):(?!=)', read('Makefile'), re.M):
        found.update(line.split())
    return found - {'.PHONY'}


class DocumentsTest(unittest.TestCase):

    def test_paths(self):
        count = 0
        for document in DOCUMENTS:
            for name in names_in(read(document)):
                count += 1
                self.assertTrue(is_there(name), f'{document} names {name}')
        self.assertGreater(count, 100)

    def test_links(self):
        for document in DOCUMENTS:
            if document.endswith('.md'):
                for target in re.findall(r'\]\(([^)#]+)\)', read(document)):
                    path = os.path.join(project.ROOT, os.path.dirname(document), target)
                    self.assertTrue('://' in target or os.path.exists(path),
                                    f'{document} links {target}')

    def test_targets(self):
        known = targets()
        for document in DOCUMENTS:
            # In front of a literal or a line of a console; not the "make" of a kernel tree
            for target in re.findall(r'(?:`|^ +(?:\$ )?)make ([a-z][\w.-]*)', read(document),
                                     re.M):
                self.assertIn(target, known, f'{document} says: make {target}')

    def test_help(self):
        shown = set(re.findall(r"@echo 'make ([\w.-]+)", read('Makefile')))
        self.assertEqual(shown, targets() - {'help'})

    def test_variables_of_help(self):
        """What help explains reaches the scripts."""
        exported = set(' '.join(re.findall(r'^export (.*)$', read('Makefile'), re.M)).split())
        shown = set()
        for line in re.findall(r"@echo '([A-Z][A-Z_]+=.*)'$", read('Makefile'), re.M):
            shown.update(re.findall(r'(?:^| )([A-Z][A-Z_]+)=', line.partition('  ')[0]))
            shown.update(re.findall(r'(?:^|, with )([A-Z][A-Z_]+)=', line))
        self.assertLessEqual(shown, exported)
        self.assertGreater(len(shown), 30)


class ModelsTest(unittest.TestCase):

    def test_each_is_described(self):
        models = project.config('matrix')['models']
        for document in ('docs/specs/mali-csf.rst', 'docs/system/devices/mali-csf.rst'):
            self.assertEqual([name for name in models if f'``{name}``' not in read(document)], [],
                             document)


class MaintainersTest(unittest.TestCase):

    def patterns(self):
        return re.findall(r'^F: (\S+)$', read('MAINTAINERS'), re.M)

    @staticmethod
    def covers(pattern, name):
        """As QEMU's get_maintainer.pl: a slash at the end is all below, * stays in its folder."""
        if pattern.endswith('/'):
            return name.startswith(pattern)
        return fnmatch.fnmatchcase(name, pattern) and name.count('/') == pattern.count('/')

    def test_each_file(self):
        self.assertEqual([name for name in FILES if not any(
            self.covers(pattern, name) for pattern in self.patterns())], [])

    def test_each_pattern(self):
        self.assertEqual([pattern for pattern in self.patterns() if not any(
            self.covers(pattern, name) for name in FILES)], [])


if __name__ == '__main__':
    unittest.main()
