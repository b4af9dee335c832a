# SPDX-License-Identifier: GPL-2.0-or-later
"""A script as a person starts it, but in this process: starting Python costs more than most do."""

import contextlib
import io
import os
import runpy
import warnings
from unittest import mock

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../scripts')


def run(script, *arguments, **variables):
    """(exit code, standard output, standard error), with no more in the environment than variables

    As with -W error.  Not for what reads the environment when it is imported: CACHE.
    """
    kept = {name: os.environ[name] for name in ('PATH', 'HOME') if name in os.environ}
    path = os.path.join(SCRIPTS, script)
    with mock.patch.dict(os.environ, kept | variables, clear=True), \
            mock.patch('sys.argv', [path, *map(os.fsdecode, arguments)]), \
            warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()) as out, \
            contextlib.redirect_stderr(io.StringIO()) as error:
        warnings.simplefilter('error')
        try:
            runpy.run_path(path, run_name='__main__')
            status = 0
        except SystemExit as end:
            status = end.code
    return status, out.getvalue(), error.getvalue()
