"""One run in several processes, for more calls than one core can make.

``lead.py`` is the process that was started by hand: it makes no calls, it starts the others, shows
them as one and tells them when to stop. ``member.py`` is one of the others: a worker like any
other on the database, which shares jobs, limits and money through it. ``wire.py`` is what they say
to each other, as lines of JSON on pipes.
"""
