"""Live receipt: tries the claims about the API on which the program rests, for someone with a key.

    python -m benchmarks.live --model gpt-6-luna

``probe`` makes the calls within a hard cap of their cost, ``answers``, ``refusals``, ``background`` and ``batch`` hold
the claims, ``program`` runs the program itself, and ``receipt`` writes what was found, without secrets.
"""
