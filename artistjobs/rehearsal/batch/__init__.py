"""Simulated Files and Batch APIs with time sped up.

``files`` stores files, ``lines`` validates and answers the lines of a batch, ``life`` takes a batch through its states,
and ``handlers`` serve HTTP.
"""
