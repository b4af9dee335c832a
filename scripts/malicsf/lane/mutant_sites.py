# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a function of the driver can be wrong by one edit: the sites of the mutation test.

A site is a call that is a statement of its own or whose result is stored, an
operand of a condition, or a value that is stored or returned.  None are
control flow (the condition that decides is one), the header of a loop over a
list, pointers to objects, and calls of the table's [[ignored]], but for a call
of the driver's inside of a warning.

Run by itself: prints the sites of tests/kernel/mutants.toml's functions, and
which mutant or exemption has each.  Exit code 1 if one has none.
"""

import argparse
import collections
import os
import re
import tomllib

from malicsf import project
from malicsf.project import say

TABLE = os.path.join(project.ROOT, 'tests/kernel/mutants.toml')
WORD = re.compile(r'[A-Za-z_]\w*')
# A value that needs no site: where it came from is one, or it says only "failed"
PLAIN = re.compile(r'\s*(\w+|-E[A-Z]+|NULL|ERR_PTR\(\w+\))\s*')
ASSIGNMENT = re.compile(r'(?<![=!<>])(\+\+|--|(?:[-+*/%&|^]|<<|>>)?=)(?!=)')
CLOSES = {'(': ')', '[': ']', '{': '}'}

Site = collections.namedtuple('Site', 'function kind start end text')


def blank_comments(text):
    """The same text, with spaces for comments and for what is in strings."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"',
                  lambda found: re.sub(r'[^\n"]', ' ', found[0]), text, flags=re.S)


def function_span(text, name):
    """(start, end) of a function's definition."""
    found = re.search(rf'^(?:\w[^\n;]*\n)?[^\n;#]*\b{name}\([^;{{]*\)\n\{{.*?^\}}\n', text,
                      re.M | re.S)
    if not found:
        raise project.usage(f'mutants.toml: the driver has no function {name}')
    return found.span()


def closing(text, at):
    """Position of the bracket that closes the one at a position."""
    expected = []
    for position in range(at, len(text)):
        if text[position] in CLOSES:
            expected.append(CLOSES[text[position]])
        elif expected and text[position] == expected[-1]:
            expected.pop()
            if not expected:
                return position
    raise project.Stop('a bracket that is not closed')


def split(text, start, end, separators):
    """Spans between separators that are not inside of brackets."""
    spans, at, first = [], start, start
    while at < end:
        if text[at] in CLOSES:
            at = closing(text, at)
        else:
            found = next((word for word in separators if text.startswith(word, at)), None)
            if found:
                spans.append((first, at))
                first = at + len(found)
                at = first
                continue
        at += 1
    return spans + [(first, end)]


class Parser:
    """One function's body; sites in the order of the text."""

    def __init__(self, function, text, start, end, ignored):
        self.function, self.text, self.ignored = function, text, ignored
        self.found = []
        body = text.index('\n{', start) + 1
        self.block(body, end)

    def site(self, kind, start, end):
        text = self.text[start:end]
        start += len(text) - len(text.lstrip())
        text = ' '.join(text.split())
        if text:
            self.found.append(Site(self.function, kind, start, start + len(
                self.text[start:end].rstrip()), text))

    def skip_blanks(self, at):
        return at + len(self.text[at:]) - len(self.text[at:].lstrip())

    def block(self, start, end):
        """What is between the braces that begin at a position."""
        at, last = start + 1, closing(self.text, start)
        while self.skip_blanks(at) < last:
            at = self.statement(self.skip_blanks(at))
        return last + 1

    def statement(self, at):
        """Take one statement; the position behind it."""
        text = self.text
        if text[at] == '{':
            return self.block(at, len(text))
        word = WORD.match(text, at)
        word = word[0] if word else ''
        behind = self.skip_blanks(at + len(word))
        if word in ('if', 'while', 'switch', 'for'):
            close = closing(text, behind)
            if word == 'for':
                first, condition, step = split(text, behind + 1, close, [';'])
                self.expression(*first)
                self.condition(*condition)
                self.expression(*step)
            elif word != 'switch':
                self.condition(behind + 1, close)
            at = self.statement(self.skip_blanks(close + 1))
            behind = self.skip_blanks(at)
            if word == 'if' and re.match(r'else\b', text[behind:]):
                at = self.statement(self.skip_blanks(behind + 4))
            return at
        label = re.match(r'(case\s[^:;]*|\w+)\s*:(?!:)', text[at:])
        if label:
            return self.skip_blanks(at + label.end())
        if word and text[behind] == '(':
            close = self.skip_blanks(closing(text, behind) + 1)
            if text[close] not in ';=.-+[' and not text[close:].startswith('->'):
                return self.statement(close)        # a loop over a list
        end = at
        while text[end] != ';':
            end = closing(text, end) + 1 if text[end] in CLOSES else end + 1
        if word == 'return':
            if not PLAIN.fullmatch(text[behind:end]) and text[behind] != ';':
                self.value(behind, end, behind)
        elif word not in ('goto', 'break', 'continue'):
            self.expression(at, end)
        return end + 1

    def condition(self, start, end):
        for either in split(self.text, start, end, ['&&', '||']):
            first = self.skip_blanks(either[0])
            if len(split(self.text, *either, ['&&', '||'])) == 1 and self.text[first] == '(' \
                    and not self.text[closing(self.text, first) + 1:either[1]].strip():
                self.condition(first + 1, closing(self.text, first))
            else:
                self.site('condition', *either)

    def is_ignored(self, at):
        word = WORD.match(self.text, at)
        return bool(word) and any(re.fullmatch(pattern, word[0]) for pattern in self.ignored)

    def value(self, start, end, at):
        """What is stored, or returned; it is a call, or a field of what is in braces."""
        first = self.skip_blanks(at)
        if self.text[first] == '{':
            for field in split(self.text, first + 1, closing(self.text, first), [',']):
                if self.text[field[0]:field[1]].strip():
                    self.site('value', *field)
        else:
            call = re.match(r'\w+\(', self.text[first:end])
            self.site('call' if call else 'value', start, end)

    def expression(self, start, end):
        """A call, an assignment, or declarations."""
        first = self.skip_blanks(start)
        if first >= end:
            return
        if self.is_ignored(first):
            # A warning may be about what a call returns.
            for call in re.finditer(r'\bpanthor_\w+(?=\()', self.text[first:end]):
                if 'WARN' in self.text[first:first + call.start()]:
                    at = first + call.start()
                    self.site('call', at, closing(self.text, first + call.end()) + 1)
            return
        pointer = False
        for part in split(self.text, start, end, [',']):
            found = ASSIGNMENT.search(self.text, *part)
            bracket = self.text.find('(', *part)
            if found and (bracket < 0 or found.start() < bracket):
                left = self.text[part[0]:found.start()]
                # "type *name = value, *other = value": pointers to objects
                if re.fullmatch(r'\s*(const\s+)?(struct\s+)?\w+\s+\*\w+\s*', left) or \
                        pointer and re.fullmatch(r'\s*\*\w+\s*', left):
                    pointer = True
                else:
                    self.value(part[0], part[1], found.end())
            elif bracket >= 0 and re.match(r'\s*\w+\(', self.text[part[0]:part[1]]):
                self.site('call', *part)


def sites_of(text, functions, ignored):
    """Every site of the functions in a source file."""
    clean = blank_comments(text)
    found = []
    for function in functions:
        found += Parser(function, clean, *function_span(text, function), ignored).found
    return found


def position_of(text, row):
    """Where the text of a mutant stands in the source; it must be there once."""
    start, end = function_span(text, row['function'])
    count = text.count(row['old'], start, end)
    if count != 1:
        raise project.usage(f'mutants.toml: {row["id"]} does not apply: {row["function"]}() has '
                            f'{count} times: {row["old"].strip()}')
    return text.index(row['old'], start)


def changed(text, row):
    """(start, end) of what really differs."""
    start, old, new = position_of(text, row), row['old'], row['new']
    before = len(os.path.commonprefix([old, new]))
    behind = len(os.path.commonprefix([old[before:][::-1], new[before:][::-1]]))
    return start + before, start + len(old) - behind


def covered_by(sites, span):
    """Sites that one change is about: the smallest around it, or the only one in it."""
    around = [site for site in sites if site.start <= span[0] and span[1] <= site.end]
    if around:
        smallest = min(site.end - site.start for site in around)
        return [site for site in around if site.end - site.start == smallest]
    inside = [site for site in sites if span[0] <= site.start and site.end <= span[1]]
    return inside if len(inside) == 1 else []


def assign(text, table):
    """{site: mutants and exemptions}, and the exemptions that are about nothing."""
    sites = sites_of(text, table['functions'], [row['calls'] for row in table['ignored']])
    have = {site: [] for site in sites}
    for row in table['mutant']:
        for site in covered_by(sites, changed(text, row)):
            have[site].append(row['id'])
    stale = []
    for row in table['exempt']:
        matching = [site for site in sites if site.function == row['function']
                    and site.text == row['site']]
        if not matching or all(have[site] for site in matching):
            stale.append(row)
        for site in matching:
            have[site].append('exempt')
    return have, stale


SELF_CHECK = '''
static int before(void)
{
	return f(1);
}

static int sample(struct thing *t, u64 a,
		  u64 b)
{
	struct thing *other = t->other;
	u64 n = 0, end = a + b;
	struct pair p = { .x = a, .y = f(b, 1), };
	int ret;

	lock(&t->lock);		/* not = a site, if (so) */
	if (a < b && (b || !n))
		t->word = a | BIT(3);
	else if (!t)
		return -EINVAL;
	list_for_each_entry(t, other, node) {
		for (n = 0; n < b; n++)
			write(t, "x = y; {", REG(n));
	}
	while (a)
		a &= ~b;
	ret = flush(t, 1,
		    2);
	if (WARN_ON(ret))
		goto out;
	WARN_ON(panthor_off(t));
	write(t, 1, ret ? 1 : 2);
	return a == b;
out:
	return ret;
}
'''
SELF_CHECK_SITES = [
    'n = 0', 'end = a + b', '.x = a', '.y = f(b, 1)', 'a < b', 'b', '!n', 't->word = a | BIT(3)',
    '!t', 'n = 0', 'n < b', 'n++', 'write(t, " ", REG(n))', 'a', 'a &= ~b', 'ret = flush(t, 1, 2)',
    'WARN_ON(ret)', 'panthor_off(t)', 'write(t, 1, ret ? 1 : 2)', 'a == b',
]


def self_check():
    """The parser finds what is in the sample, and a mutant that is taken away is missed."""
    ignored = [{'calls': 'lock|WARN_ON'}]
    sites = sites_of(SELF_CHECK, ['sample'], [row['calls'] for row in ignored])
    seen = [re.sub(r'"\s*"', '" "', site.text.replace('u64 ', '')) for site in sites]
    if seen != SELF_CHECK_SITES:
        raise project.Stop(f'mutant-sites.py does not find its own sites: {seen}', project.FAIL)
    rows = [{'id': str(number), 'function': 'sample', 'old': SELF_CHECK[site.start:site.end],
             'new': ''} for number, site in enumerate(sites)]
    rows = [row for row in rows
            if SELF_CHECK.count(row['old'], *function_span(SELF_CHECK, 'sample')) == 1]
    table = {'functions': ['sample'], 'ignored': ignored, 'mutant': rows, 'exempt': []}
    for left_out in rows:
        table['mutant'] = [row for row in rows if row is not left_out]
        have, _ = assign(SELF_CHECK, table)
        missing = [site for site in sites if not have[site]]
        if not any(SELF_CHECK[site.start:site.end] == left_out['old'] for site in missing):
            raise project.Stop('mutant-sites.py does not miss ' + left_out['old'], project.FAIL)


def check(text, table):
    """Complain of sites that nothing is about; whether there are none."""
    self_check()
    have, stale = assign(text, table)
    for site, rows in have.items():
        if not rows:
            say(f'{site.function}(): no mutant and no exemption: {site.text}')
    for row in stale:
        say(f'{row["function"]}(): this exemption is about no site, or one that has a mutant: '
            f'{row["site"]}')
    exempt = sum(rows == ['exempt'] for rows in have.values())
    missing = sum(not rows for rows in have.values())
    say(f'{len(have)} sites in {len(table["functions"])} functions: '
        f'{len(have) - exempt - missing} with mutants, {exempt} exempt, {missing} with neither')
    return not missing and not stale


def load():
    with open(TABLE, 'rb') as file:
        return tomllib.load(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n', maxsplit=1)[0])
    parser.add_argument('source', help='panthor_mmu.c of the table\'s kernel')
    options = parser.parse_args()
    table, text = load(), project.read(options.source)
    have, _ = assign(text, table)
    for site, rows in have.items():
        say(f'{site.function}\t{site.kind}\t{site.text}\t{" ".join(rows)}')
    return project.PASS if check(text, table) else project.FAIL
