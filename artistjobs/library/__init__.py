"""Python API: what ``import artistjobs`` offers, and the conversion of options that the command line shares with it.

``database`` has the class ``Database``, ``results`` what its methods return, ``options`` the names, defaults and checks
of their arguments. ``arguments`` converts options to the configuration values of commands, with ``prompt``, ``params``,
``schema``, ``chosen_columns``, ``scope``, ``env_file`` and ``api_environment``; ``cli`` uses it in the same way. May
import every room below ``cli``. Nothing is printed here, except progress that a caller asks for.
"""
