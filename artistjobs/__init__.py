"""One prompt, many artists: ask the OpenAI Responses API about every row of a file."""

__version__ = "0.1.0"
