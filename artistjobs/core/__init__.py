"""Values and rules of the domain: jobs, attempts, prompts, retries, prices, and text formats that all rooms share.

Everything here is a frozen value or a function of its arguments. Nothing here opens a file, calls a network
or draws a random number of its own: callers pass in random generators and sleep functions. The clock is read in
two places alone: ``pricing`` needs the date of today's prices, and ``timestamps`` shows the local time.
Storage belongs in ``store``, calls in ``api``, output in ``terminal``. This room may import ``errors`` alone.
"""
