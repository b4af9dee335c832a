# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds a result.json against its description."""

import os
import subprocess

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      '../../docs/devel/result.schema.json')


def errors(path):
    """What is wrong with a result.json, or ''."""
    # Debian's Python has the module, whichever Python runs the tests.
    result = subprocess.run(['/usr/bin/python3', '-W', 'ignore', '-m', 'jsonschema', '-i', path,
                             SCHEMA], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            check=False)
    return (result.stdout + result.stderr).strip() or ('' if result.returncode == 0 else 'refused')
