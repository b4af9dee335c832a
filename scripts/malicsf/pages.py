# SPDX-License-Identifier: GPL-2.0-or-later
"""What our HTML pages have in common: one file each, readable without scripts."""

import html

STYLE = '''body{font:15px sans-serif;margin:2em;max-width:100em}table{border-collapse:collapse}
td,th{border:1px solid #cbd5e0;padding:.3em .6em;text-align:left;vertical-align:top}
.ok{background:#c6f6d5}.FAIL{background:#fed7d7}.UNAVAILABLE{background:#edf2f7}
.missing{background:#fefcbf}.lane{overflow-x:auto}li{font-family:monospace;font-size:13px}
.legend span{margin-right:1em}.legend i{display:inline-block;width:.8em;height:.8em;
margin-right:.3em}pre{background:#f7fafc;padding:.6em;overflow-x:auto;font-size:13px}'''


def page(title, body):
    """A whole page; body: HTML"""
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n'
            f'<body>\n<h1>{html.escape(title)}</h1>\n{body}</body></html>\n')


def table(rows, head=()):
    """rows: lists of texts"""
    lines = ['<tr>' + ''.join(f'<th>{html.escape(cell)}</th>' for cell in head) + '</tr>\n'] \
        if head else []
    lines += ['<tr>' + ''.join(f'<td>{html.escape(cell)}</td>' for cell in row) + '</tr>\n'
              for row in rows]
    return f'<table>\n{"".join(lines)}</table>\n'


def items(rows):
    """rows: [(name, reason)]"""
    return '<ul>' + ''.join(
        f'<li>{html.escape(name)}' + (f': {html.escape(reason)}' if reason else '') + '</li>\n'
        for name, reason in rows) + '</ul>\n'
