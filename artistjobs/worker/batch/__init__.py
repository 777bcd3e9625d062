"""Work through the Batch API: ``loop`` prepares batches and drives all of them at once, each with a ``driver``.

A driver goes from state to state: ``submit`` has the steps up to the submission, ``follow`` the one at the service,
``gather`` the last ones, ``twins`` finds what is there twice, and ``driven`` has what all steps share.
``room`` says how large the next batch may be, and ``lessons`` when it may be prepared.
``build`` writes the lines of a batch, ``service`` talks to the API until it is told something certain, ``collect``
settles results by the rules of ``verdicts``, and ``pace`` has the waits between requests.
"""
