"""Rendering of templates with limits on time and memory.

``renderer.py`` renders quick templates on the spot and passes all others to ``process.py``, the parent's side of a
child process, whose program is ``child.py``. May import ``core``.
"""
