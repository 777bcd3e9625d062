"""Values and rules of the domain: jobs, attempts, prompts, retries, prices, and text formats that all rooms share.

Everything here is a frozen value or a function of its arguments. Nothing here opens a file, calls a network,
reads a clock or draws a random number of its own: callers pass in days, random generators and sleep functions.
Storage belongs in ``store``, calls in ``api``, output in ``terminal``. This room may import ``errors`` alone.
"""
