"""Terminal output: the two standard streams, log lines, tables, and drawing in place.

``streams`` prints results to stdout and messages to stderr. ``log`` writes log lines for people and for programs.
``table`` lays out columns, ``screen`` draws full-screen output on stdout, ``live_block`` redraws lines on stderr,
and ``escape`` makes untrusted text safe to print. The texts themselves are in ``commands``, ``cli`` and ``worker``.
May import ``core`` and ``errors``.
"""
