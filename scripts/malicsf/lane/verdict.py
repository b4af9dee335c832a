# SPDX-License-Identifier: GPL-2.0-or-later
"""From what differs between two drivers to a verdict, on a host that may be late.

Stock and patched run at the same time.  What differs then, and what fails on
stock, may be the host's doing: a guest's clock goes on while QEMU waits for a
processor.  So the programs in question run once more, alone, and no verdict
rests on one late host:

  CONDEMNED    a difference that time does not explain, on a host that was in
               time, or twice in one program, be it under another name; or any
               difference on a host that was in time, when the programs ran alone
  CANNOT TELL  a difference that was met once, or only on a host that was late.  What time
               does not explain, a race for example, has more runs to show again, of which
               stock has as many
  PASS         no difference, or one that a late host explains and that was not
               there when the programs ran alone
"""

import collections

PASS, CONDEMNED, AGAIN, CANNOT_TELL = 'PASS', 'CONDEMNED', 'AGAIN', 'CANNOT TELL'
# How often programs run alone, at most: a second and third time only for what time does not
# explain and was not met again, such as a race
RUNS_ALONE = 3

# program: of the guest, '' for the whole run; key: the same for the same difference of another
# run; hard: a host that is late does not explain it
Difference = collections.namedtuple('Difference', 'program key text hard')


class Round:
    """What came of stock and patched in one run of both."""

    def __init__(self, differences, late, failing=(), lost=(), of_stock=()):
        """
        late: {program: whether the host was late, for either of them}; '' is the whole run
        failing: programs that fail on stock; lost: those whose findings were lost
        of_stock: keys of what would be a difference if stock did not show it, too
        """
        self.of_stock = set(of_stock)
        self.differences, self.failing, self.lost = list(differences), set(failing), set(lost)
        self.lateness = late

    def late(self, program):
        return self.lateness.get(program, self.lateness.get('', True))

    def programs(self):
        """What has to run again; with '' in it, everything.

        A kernel that a program has brought down is why the run did not get to its end, and
        the other programs do not tell more of it.
        """
        wanted = {row.program for row in self.differences}
        if any(row.program and row.hard for row in self.differences):
            wanted.discard('')
        return wanted | self.failing | self.lost

    def own_clock(self):
        """Whether the guests' clock is to follow their instructions when they run again.

        Not to see once more what time does not explain: with that clock one processor runs at
        a time, and two threads hardly meet.
        """
        return any(self.lateness.values()) and not any(row.hard for row in self.differences)

    def texts(self):
        return [row.text for row in self.differences]


def first(found):
    """(verdict, reasons) after a run of both at the same time"""
    certain = [row.text for row in found.differences if row.hard and not found.late(row.program)]
    if certain:
        return CONDEMNED, found.texts()
    return (AGAIN if found.programs() else PASS), found.texts()


def met_once(before, found):
    """What the programs have not shown again, which more runs may show"""
    seen = {row.key for row in found.differences} | found.of_stock
    return [row for row in before.differences if row.hard and row.key not in seen]


def second(before, found):
    """(verdict, reasons) after the programs in question ran alone, and after each run more"""
    known = {row.program for row in before.differences if row.hard}
    certain = [row.text for row in found.differences
               if not found.late(row.program) or (row.hard and row.program in known)]
    if certain:
        return CONDEMNED, certain
    doubts = [f'{row.text} (the host was late)' for row in found.differences]
    again = {row.key for row in found.differences} | found.of_stock
    for row in before.differences:
        if row.key in again:
            continue
        if row.hard:
            doubts.append(f'{row.text} (only the first time)')
        elif not before.late(row.program):
            doubts.append(f'{row.text} (only the first time, with the host in time)')
    doubts += [f'{name or "the run"} fails on stock (the host was late)'
               for name in sorted(found.failing) if found.late(name)]
    doubts += [f'findings of {name or "the run"} were lost (the host was late)'
               for name in sorted(found.lost) if found.late(name)]
    return (CANNOT_TELL if doubts else PASS), doubts


def judge(before, run_again):
    """(verdict, reasons) after the first Round

    run_again: from a Round, of which it runs the programs in question alone, to theirs
    """
    result, reasons = first(before)
    if result != AGAIN:
        return result, reasons
    wanted = before
    for _ in range(RUNS_ALONE):
        found = run_again(wanted)
        result, reasons = second(before, found)
        wanted = Round(met_once(before, found), before.lateness)
        if result != CANNOT_TELL or not wanted.differences:
            break
    return result, reasons
