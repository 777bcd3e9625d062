"""Mutation testing: which small changes of the program no test notices."""
