# SPDX-License-Identifier: GPL-2.0-or-later
"""What the documents name is there, and each file has a maintainer."""

import fnmatch
import os
import re
import subprocess
import sys
import unittest
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project, settings  # noqa: E402
from malicsf.check import check_docs  # noqa: E402
import whole_command  # noqa: E402

# Folders of ours: what a document names below them has to be there.  The rest, such as
# drivers/gpu or arm/mali, is another project's.
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

    def test_words(self):
        """Who does what has a name: the driver, the host, a caller, a reader."""
        word = re.compile(r'\b(some(body|one)|who' + r'ever)\b', re.I)
        for name in FILES:
            if name.endswith(('.c', '.h', '.inc', '.rst', '.md', '.py', '.toml', '.build')):
                found = word.search(read(name))
                self.assertIsNone(found, f'{name}: {found and found[0]}')

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

    def test_width_of_the_schema(self):
        """QEMU's generator refuses longer lines, from 10.2 on."""
        lines = read('qapi/mali-csf.json').splitlines()
        self.assertEqual([line for line in lines if line.startswith('#') and len(line) > 70], [])

    def test_help(self):
        shown = set(re.findall(r"@echo 'make ([\w.-]+)", read('Makefile')))
        self.assertEqual(shown, targets() - {'help'})

    def test_help_of_scripts(self):
        """A script that takes variables explains each of them in its --help."""
        lines = settings.help_of(settings.GUEST)
        shown = '\n'.join(lines)
        for name in settings.GUEST:
            self.assertRegex(shown, rf'(?m)^{name}=.*  ?\w', name)
        self.assertNotIn('PATCH=', shown)
        # The line that a variable's goes on with, and no other
        self.assertIn('default: the newest', shown)
        self.assertNotIn('bisect', shown)
        self.assertEqual([line for line in lines if len(line) > 100], [])

    def test_help_of_each_script(self):
        """What a person may start explains itself, with the variables that it reads."""
        modules = {'settings'}
        without = {'device-log', 'firmware-container', 'mutant-sites', 'version'}
        names = [name for name in os.listdir(os.path.join(project.ROOT, 'scripts'))
                 if name.endswith('.py') and os.access(os.path.join(
                     project.ROOT, 'scripts', name), os.X_OK)]
        self.assertGreater(len(names), 25)
        for name in names:
            if name[:-3] in modules:
                continue
            status, out, said = whole_command.run(name, '--help')
            self.assertEqual((status, said), (0, ''), name)
            self.assertEqual('\nvariables' in out, name[:-3] not in without, name)

    def test_site(self):
        """Each document is in the index of make docs."""
        from malicsf.check import build_docs
        patterns = [f'docs/{name}.rst' for _, files in build_docs.PARTS for name in files]
        for document in DOCUMENTS:
            if document.startswith('docs/'):
                self.assertTrue(any(fnmatch.fnmatchcase(document, name) for name in patterns),
                                document)
        for name in patterns:
            self.assertTrue(is_there(name), name)

    def test_changelog(self):
        """The version of the model is the newest that the changelog has."""
        from malicsf import version
        newest = re.search(r'^(\d[\d.]*)\n-+$', read('docs/changelog.rst'), re.M)[1]
        self.assertEqual(version.model(), newest)

    def test_scripts_can_be_run(self):
        for name in FILES:
            if name.startswith('scripts/') and read(name).startswith('#!'):
                self.assertTrue(os.access(os.path.join(project.ROOT, name), os.X_OK), name)

    def test_variables_of_help(self):
        """What help explains reaches the scripts: the Makefile finds each row of the table."""
        names = [row.name for row in settings.TABLE]
        result = subprocess.run(['make', '-s', '-C', project.ROOT, 'help'], capture_output=True,
                                text=True, check=True)
        shown = re.findall(r'^([A-Z][A-Z_]*)=', result.stdout, re.M)
        self.assertEqual(shown, names)
        printed = subprocess.run(['make', '-s', '--eval', 'names: ; @echo $(VARIABLES)', 'names'],
                                 cwd=project.ROOT, text=True, capture_output=True,
                                 check=True).stdout
        self.assertEqual(printed.split(), names)


class BlocksTest(unittest.TestCase):
    """The console blocks of the documents, and what scripts/check-docs.py makes of them."""

    def test_each_is_marked(self):
        blocks = check_docs.all_blocks()
        self.assertEqual([f'{block.place} {block.error()}' for block in blocks
                          if block.error()], [])
        self.assertGreater(len(blocks), 40)
        self.assertGreater(sum(block.mark == ('run', 'check') for block in blocks), 3)

    def steps(self, text, parse=check_docs.rst_blocks):
        block, = [block for block in parse('x.rst', text.splitlines()) if block.is_console()]
        return block.mark, block.error(), block.steps()

    def test_rst(self):
        self.assertEqual(self.steps("""
.. run: check

.. code-block:: console

  $ echo one \\
        two
  one two
  $ printf 'a
    b'
  a
    b

Text.
"""), (('run', 'check'), None, [
            ('$ ', 'echo one \\\n      two', ['one two']),
            ('$ ', "printf 'a\n  b'", ['a', '  b', ])]))

    def test_literal(self):
        mark, error, steps = self.steps('Like this::\n\n  $ echo a |\n    cat\n  a\n')
        self.assertEqual((mark, steps), (None, [('$ ', 'echo a |\n  cat', ['a'])]))
        self.assertIn('has no mark', error)

    def test_a_mark_is_for_the_next_block_only(self):
        self.assertIsNone(self.steps('.. run: check\n\nText.\n\n'
                                     '.. code-block:: console\n\n  $ true\n')[0])

    def test_markdown(self):
        parse = check_docs.markdown_blocks
        self.assertEqual(self.steps('<!-- run: docs -->\n\n    make boot\n', parse),
                         (('run', 'docs'), None, [('$ ', 'make boot', [])]))
        self.assertEqual(self.steps('<!-- not run: for a reason -->\n```\n$ a\nb\n```\n', parse),
                         (('not run', 'for a reason'), None, [('$ ', 'a', ['b'])]))

    def test_bad_marks(self):
        for mark, text in (('run: later', 'is none of: check, docs'),
                           ('not run: no', 'gives no reason')):
            error = self.steps(f'.. {mark}\n\n.. code-block:: console\n\n  $ true\n')[1]
            self.assertIn(text, error)

    def test_shown(self):
        printed = ['[ 1.5] panthor: id 0xa867', 'ok  12 passed', 'end']
        for shown, wanted in ((['[ 2.25] panthor: id 0x1', '...', 'ok 3 passed'], None),
                              (['end'], None), (['end', 'ok 3 passed'], 'ok 3 passed'),
                              (['[ 1.5] panthor: id missing'], '[ 1.5] panthor: id missing')):
            self.assertEqual(check_docs.missing(shown, printed), wanted)

    def test_run(self):
        tree = None
        for text, wanted in (('echo 17\n  18', None), ('echo a\n  b', 'echo a does not print: b'),
                             ('exit 3', 'exit 3: 3; it ends with: ')):
            block, = check_docs.rst_blocks(
                'x', ['.. code-block:: console', '', *('  ' + line if not line.startswith(' ')
                                                     else line for line in
                                                     ('$ ' + text).splitlines())])
            self.assertEqual(check_docs.run_block(tree, block), wanted)

    def test_a_reader_has_set_nothing(self):
        with mock.patch.dict(os.environ, {'KERNEL': '6.12', 'MAKEFLAGS': 'x', 'HOME': '/root'}):
            found = check_docs.environment()
        self.assertNotIn('KERNEL', found)
        self.assertNotIn('MAKEFLAGS', found)
        self.assertEqual(found['HOME'], '/root')


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
