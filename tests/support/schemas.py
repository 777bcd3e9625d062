"""JSON Schemas of answers, as people write them and as Pydantic does."""

ARTIST = {
    "$defs": {
        "Gender": {"enum": ["female", "male", "unknown"], "title": "Gender", "type": "string"},
        "Work": {
            "properties": {
                "title": {"title": "Title", "type": "string"},
                "year": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "Year"},
            },
            "required": ["title"],
            "title": "Work",
            "type": "object",
        },
    },
    "properties": {
        "gender": {"$ref": "#/$defs/Gender"},
        "born": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "Born"},
        "works": {"items": {"$ref": "#/$defs/Work"}, "title": "Works", "type": "array"},
    },
    "required": ["gender", "born", "works"],
    "title": "Artist",
    "type": "object",
}
"""A schema as Pydantic writes it."""

KAHLO = {"gender": "female", "born": 1907, "works": [{"title": "The Two Fridas", "year": 1939}, {"title": "Roots"}]}
