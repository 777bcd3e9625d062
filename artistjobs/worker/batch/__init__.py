"""Work through the Batch API: ``loop`` prepares batches and drives all of them at once, each with a ``driver``.

``build`` writes the lines of a batch, ``service`` talks to the API until it is told something certain, ``remote`` reads
what it says, ``collect`` settles results by the rules of ``verdicts``, and ``pace`` has the waits between requests.
"""
