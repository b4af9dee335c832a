# SPDX-License-Identifier: GPL-2.0-or-later
"""The blocks of the model call and write as its floors allow; what the check itself finds."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
import tomllib
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../scripts'))

from malicsf import project  # noqa: E402
from malicsf.check import check_floors  # noqa: E402

TABLE = {
    'aggregate': 'device.h', 'first': [], 'values': ['Model'], 'lent_to': ['publish'],
    'setter': [{'members': ['Low.name'], 'function': 'low_rename'}],
    'floor': [{'name': 'low', 'blocks': ['low']},
              {'name': 'asked', 'blocks': ['asked'], 'calls': []},
              {'name': 'high', 'blocks': ['high', 'device']}],
    'circle': [],
}

# A model of three floors, all of which is legal
TREE = {
    'low/low.h': '''
        typedef struct Place { int x, y; } Place;
        typedef struct Model { int cores; } Model;
        typedef struct Low {
            int count;
            int slots[4];
            Place place;
            Model model;
            char *name;
            void (*notify)(void *opaque);
        } Low;
        void low_reset(Low *low);
        void low_set(Low *low, int *count);
        static inline void low_count(Low *low)
        {
            low->count++;
        }
        void publish(int *value);
        void write_number(int *number);
        int read_number(const int *number);
        void *memset(void *to, int byte, unsigned long size);
        ''',
    'low/low.c': '''
        #include "low.h"
        void low_reset(Low *low)
        {
            *low = (Low) { .count = 1 };
        }
        void low_set(Low *low, int *count)
        {
            *count = 1;
        }
        void write_number(int *number)
        {
            *number = 1;
        }
        ''',
    'asked/asked.h': 'int asked(int number);\n',
    'asked/asked.c': '''
        #include "asked.h"
        int asked(int number)
        {
            return number;
        }
        ''',
    'high/high.h': '''
        #include "../low/low.h"
        typedef struct High { Low low; int mine; } High;
        void high_run(High *high);
        ''',
    'high/high.c': '''
        #include "../device.h"
        #include "../asked/asked.h"
        static void told(void *opaque)
        {
        }
        void high_run(High *high)
        {
            Low fresh = { .count = asked(3) };
            Place place = high->low.place;
            fresh.count = 2;
            fresh.place.x = place.x;
            place.y = high->low.slots[2];
            high->mine = read_number(&high->low.count);
            low_set(&high->low, &high->low.count);
            low_count(&high->low);
            publish(&high->low.slots[1]);
        }
        ''',
    'device.h': '''
        #include "low/low.h"
        #include "high/high.h"
        typedef struct State { Low low; High high; Model model; } State;
        ''',
    'device.c': '''
        #include "device.h"
        void start(State *s);
        void start(State *s)
        {
            s->model.cores = 4;
            high_run(&s->high);
            low_reset(&s->low);
        }
        ''',
}
TREE = {name: textwrap.dedent(text).lstrip() for name, text in TREE.items()}

# What a function of high does to a structure of low, and the member that it names
WRITES = {
    'assignment': ('low->count = 1;', 'Low.count'),
    'increment': ('low->count++;', 'Low.count'),
    'compound': ('low->count |= 1;', 'Low.count'),
    'through_its_own': ('high->low.count = 1;', 'Low.count'),
    'array': ('low->slots[low->count] = 1;', 'Low.slots'),
    'inner_structure': ('low->place.x = 1;', 'Place.x'),
    'value_in_state': ('low->model.cores = 1;', 'Low.model'),
    'whole': ('*low = *other;', 'Low.*'),
    'whole_member': ('low->place = other->place;', 'Low.place'),
    'memory': ('memset(low, 0, sizeof(*low));', 'Low.*'),
    'memory_of_member': ('memset(low->slots, 0, sizeof(low->slots));', 'Low.slots'),
    'address': ('int *count = &low->count;', 'Low.count'),
    'address_for_another': ('take(&low->count);', 'Low.count'),
    'pointer': ('Low *it = &high->low; it->count = 2;', 'Low.count'),
    'pointee': ('low->name[2] = 0;', 'Low.name'),
    'several_lines': ('take(\n        low->slots +\n        low->count);', 'Low.slots'),
}

# Of the files of the tests' trees, most of which are the same: {(name, text, headers): object}
OBJECTS = {}


class TreeTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root, self.tree, self.table = folder.name, dict(TREE), dict(TABLE)

    def add(self, name, text):
        self.tree[name] = self.tree.get(name, '') + textwrap.dedent(text).lstrip()

    def lay_out(self):
        """{path: (object, options)} of the tree, which then is in its folder"""
        rows = {}
        for name, text in self.tree.items():
            path = os.path.join(self.root, name)
            if name.endswith('.h'):
                guard = re.sub(r'\W', '_', name)
                text = f'#ifndef {guard}\n#define {guard}\n{text}#endif\n'
            project.write(path, text)
            if name.endswith('.c'):
                rows[path] = path + '.o', []
        return rows

    def judge(self):
        self.rows = rows = self.lay_out()
        headers = tuple(text for name, text in self.tree.items() if name.endswith('.h'))
        for path, (output, _) in rows.items():
            name = os.path.relpath(path, self.root)
            key = name, self.tree[name], headers
            if key not in OBJECTS:
                subprocess.run(['cc', '-w', '-O1', '-c', path, '-o', output], check=True)
                with open(output, 'rb') as file:
                    OBJECTS[key] = file.read()
            with open(output, 'wb') as file:
                file.write(OBJECTS[key])
        return check_floors.judge(check_floors.Floors(self.table), self.root, rows)

    def writes(self):
        """Each single write to a structure of another block, once judge() has been called."""
        floors = check_floors.Floors(self.table)
        index = check_floors.Sources(self.root, self.rows, [])
        return list(check_floors.Writes(floors, index).all())

    def one(self, pattern):
        """The check names one breach, which fits."""
        wrong = self.judge()
        self.assertEqual(len(wrong), 1, wrong)
        self.assertRegex(wrong[0], pattern)
        return wrong[0]

    def line(self, name, text):
        return self.tree[name].split('\n').index(text) + 1


class LegalTest(TreeTest):

    def test_tree(self):
        self.assertEqual(self.judge(), [])

    def test_pointer_passed_down(self):
        self.add('device.c', '''
            static void told(void *opaque)
            {
            }
            void low_notify(Low *low, void (*function)(void *));
            void wire(State *s);
            void wire(State *s)
            {
                low_notify(&s->low, told);
            }
            ''')
        self.add('low/low.c', '''
            void low_notify(Low *low, void (*function)(void *))
            {
                low->notify = function;
            }
            ''')
        self.assertEqual(self.judge(), [])


class ArrowTest(TreeTest):

    def test_call(self):
        self.add('low/low.c', '''
            void high_run(void *high);
            void low_tell(void *high);
            void low_tell(void *high)
            {
                high_run(high);
            }
            ''')
        line = self.line('low/low.c', '    high_run(high);')
        self.one(rf'^low/low\.c:{line}: low_tell\(\) of low/low\.c uses high_run of high/high\.c')

    def test_function_in_a_table(self):
        self.add('low/low.c', '''
            void high_run(void *high);
            void (*const low_table[])(void *high) = {
                high_run,
            };
            ''')
        self.one('low/low.c uses high_run')

    def test_data(self):
        self.add('high/high.c', 'const int high_names[3] = { 1, 2, 3 };\n')
        self.add('low/low.c', '''
            extern const int high_names[];
            int low_name(int number);
            int low_name(int number)
            {
                return high_names[number];
            }
            ''')
        self.one('low/low.c uses high_names of high/high.c')

    def test_calls_nobody(self):
        self.tree['asked/asked.c'] = self.tree['asked/asked.c'].replace(
            'return number', 'extern void low_reset(void *);\n    low_reset(0);\n    return number')
        self.one('uses low_reset of low/low.c, which asked may not: it calls nobody')

    def test_include(self):
        self.tree['low/low.c'] = '#include "../high/high.h"\n' + self.tree['low/low.c'].replace(
            '#include "low.h"\n', '')
        self.one(r'^low/low\.c:1: low/low\.c includes high/high\.h, which is above it')

    def test_aggregate(self):
        self.tree['device.h'] += 'static inline int cores(State *s) { return s->model.cores; }\n'
        self.one('device.h declares cores')

    def test_no_floor(self):
        self.add('new/new.c', 'int new_one;\n')
        self.one('new/new.c is on no floor')


class CircleTest(TreeTest):

    def setUp(self):
        super().setUp()
        self.add('low/one.c', 'void two(void);\nvoid one(void) { two(); }\n')
        self.add('low/two.c', 'void one(void);\nvoid two(void) { one(); }\n')

    def test_new(self):
        self.one('circle: low/one.c low/two.c$')

    def listed(self, *names):
        self.table['circle'] = [{'files': [f'low/{name}.c' for name in names], 'reason': 'why'}]

    def test_listed(self):
        self.listed('one', 'two')
        self.assertEqual(self.judge(), [])

    def test_joined(self):
        self.listed('one', 'two')
        self.add('low/one.c', 'void three(void);\nvoid four(void) { three(); }\n')
        self.add('low/three.c', 'void one(void);\nvoid three(void) { one(); }\n')
        self.one('low/three.c has joined the circle of low/one.c low/two.c')

    def test_left(self):
        self.listed('one', 'two', 'low')
        self.one('"low/low.c" is in no circle any more')


class WriteTest(TreeTest):

    def test_each(self):
        places = {}
        self.add('high/high.c', 'void take(int *number);\n')
        for name, (statement, _) in WRITES.items():
            head = (f'void {name}(High *high, Low *low, Low *other);\n'
                    f'void {name}(High *high, Low *low, Low *other)\n{{\n    ')
            self.tree['high/high.c'] += head
            places[name] = self.tree['high/high.c'].count('\n') + 1
            self.tree['high/high.c'] += statement + '\n}\n'
        wrong = self.judge()
        self.assertEqual(len(wrong), len({symbol for _, symbol in WRITES.values()}), wrong)
        for name, (statement, symbol) in WRITES.items():
            with self.subTest(name):
                breach, = [breach for breach in self.writes()
                           if f'{name}()' in breach.text and symbol in breach.text]
                first = places[name] + ('\n' in statement)
                self.assertEqual(breach.place, f'high/high.c:{first}')

    def test_same_name(self):
        for folder in ('low', 'high'):
            self.add(f'{folder}/run.c', f'''
                typedef struct Run {{ int next; }} Run;
                void {folder}_go(Run *run);
                void {folder}_go(Run *run)
                {{
                    run->next = 1;
                }}
                ''')
        self.assertEqual(self.judge(), [])

    def test_read_apart(self):
        """Files that cannot be one to the parser, which has both all the same"""
        for folder, structure in (('low', 'High'), ('high', 'Low')):
            self.add(f'{folder}/run.c', f'''
                #include "../device.h"
                enum Kind {{ {folder.upper()} }};
                void {folder}_go({structure} *other);
                void {folder}_go({structure} *other)
                {{
                    other->{'mine' if folder == 'low' else 'count'} = 1;
                }}
                ''')
        wrong = self.judge()
        self.assertEqual(len(wrong), 2, wrong)
        self.assertIn('low_go() of low/run.c writes High.mine', wrong[1])
        self.assertIn('high_go() of high/run.c writes Low.count', wrong[0])

    def test_cannot_be_read(self):
        self.add('high/run.c', 'void high_go(void)\n{\n    )\n}\n')
        rows = self.lay_out()
        with self.assertRaisesRegex(project.Stop, 'semind cannot read .*/high/run.c: '):
            check_floors.Sources(self.root, rows, [])

    def test_inline_function_of_a_header(self):
        self.tree['high/high.h'] += 'static inline void set(Low *low)\n{\n    low->count = 1;\n}\n'
        self.one(r'^high/high\.h:\d+: set\(\) of high/high\.h writes Low\.count')


class SetterTest(TreeTest):

    def rename(self, function):
        self.add('low/low.c', f'''
            void {function}(Low *low, char *name);
            void {function}(Low *low, char *name)
            {{
                low->name = name;
            }}
            ''')

    def test_setter(self):
        self.rename('low_rename')
        self.assertEqual(self.judge(), [])

    def test_another(self):
        self.rename('low_call')
        self.one(r'low_call\(\) of low/low.c writes Low.name, which only low_rename\(\) does')


class ModelTest(unittest.TestCase):

    def test_model(self):
        result = subprocess.run([os.path.join(project.ROOT, 'scripts/check-floors.py')],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, project.PASS, '\n' + result.stdout + result.stderr)
        print('# ' + result.stdout.splitlines()[-1], file=sys.stderr)

    def test_reasons(self):
        with open(check_floors.TABLE, 'rb') as file:
            for row in tomllib.load(file)['circle']:
                self.assertTrue(row['reason'], row)

    def test_documented(self):
        """The table of architecture.rst has the blocks in the order of the floors."""
        text = project.read(os.path.join(project.ROOT, 'docs/devel/architecture.rst'))
        table = re.search(r'\nFloors\n-+\n(.*?)\n\n[^ .\n]', text, re.S)[1]
        rows = [set(re.findall(r'``([\w-]+)/?``', row)) - {'include'}
                for row in re.findall(r'\* - (``.*?)\n     - ', table, re.S)]
        with open(check_floors.TABLE, 'rb') as file:
            floors = [set(floor['blocks']) for floor in tomllib.load(file)['floor']]
        self.assertEqual([row for row in rows if row], floors)


if __name__ == '__main__':
    unittest.main()
