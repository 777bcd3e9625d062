"""No step of a template computes a value that is longer than the API accepts."""

import time

import pytest

from artistjobs.core.template import check_template, compile_template
from artistjobs.core.template_guard import MAX_TEXT_LENGTH
from artistjobs.errors import PromptError

DOUBLED = "{% set a1 = artist_name %}" + "".join(
    f"{{% set a{number + 1} = a{number} OPERATOR a{number} %}}" for number in range(1, 40)
)

TOO_LARGE = {
    "ljust": "{{ artist_name.ljust(10 ** 9) }}",
    "rjust": "{{ artist_name.rjust(10 ** 9) }}",
    "center": "{{ artist_name.center(10 ** 9) }}",
    "zfill": "{{ artist_name.zfill(10 ** 9) }}",
    "expandtabs": r"{{ 'a\tb\tc'.expandtabs(9000000) }}",
    "bytes": "{{ artist_name.encode().ljust(10 ** 9) }}",
    "to_bytes": "{{ (1).to_bytes(10 ** 9, 'big') }}",
    "center filter": "{{ artist_name|center(10 ** 9) }}",
    "center by name": "{{ artist_name|center(width=10 ** 9) }}",
    "indent filter": "{{ 'a\nb\nc'|indent(6000000) }}",
    "indent text": "{{ 'a\nb\nc'|indent('x' * 6000000) }}",
    "wordwrap": "{{ ('x' * 9000)|wordwrap(1, wrapstring='y' * 9000) }}",
    "batch": "{{ [1]|batch(10 ** 9, 0)|list }}",
    "slice": "{{ [1]|slice(10 ** 9)|list }}",
    "round": "{{ 1|round(10 ** 9, 'ceil') }}",
    "constant filter": "{{ 'x'|center(1000000000) }}",
    "format width": "{{ '{:>1000000000}'.format(1) }}",
    "format precision": "{{ '{:.1000000000f}'.format(1.5) }}",
    "format nested": "{{ '{:{}}'.format(1, 10 ** 9) }}",
    "format by name": "{{ '{a:{b}}'.format(a=1, b=10 ** 9) }}",
    "format_map": "{{ '{a:1000000000}'.format_map({'a': 1}) }}",
    "format of HTML": "{{ ('{:1000000000}'|safe).format(1) }}",
    "format taken aside": "{% set f = '{:1000000000}'.format %}{{ f(1) }}",
    "percent": "{{ '%1000000000d' % 1 }}",
    "percent star": "{{ '%*d' % (10 ** 9, 1) }}",
    "percent name": "{{ '%(a)1000000000d' % {'a': 1} }}",
    "percent bytes": "{{ '%1000000000d'.encode() % 1 }}",
    "percent filter": "{{ '%1000000000d'|format(1) }}",
    "percent many": "{{ ('%s' * 9) % (('x' * 9000000,) * 9) }}",
    "repeat": "{{ 'x' * 10 ** 9 }}",
    "repeat bytes": "{{ 'x'.encode() * 10 ** 9 }}",
    "repeat list": "{{ ([1] * 10 ** 9)|length }}",
    "power": "{{ 10 ** 10 ** 10 }}",
    "join filter": "{{ ('x' * 9000)|join('y' * 9000) }}",
    "join of a generator": "{{ ('x' * 9000)|map('upper')|join('y' * 9000) }}",
    "join method": "{{ ('y' * 9000).join('x' * 9000) }}",
    "join method of a generator": "{{ ('y' * 9000).join(('x' * 9000)|map('upper')) }}",
    "replace": "{{ ('x' * 9000).replace('x', 'y' * 9000) }}",
    "replace nothing": "{{ ('x' * 9000).replace('', 'y' * 9000) }}",
    "replace filter": "{{ ('x' * 9000)|replace('x', 'y' * 9000) }}",
    "replace in map": "{{ ['x' * 9000]|map('replace', 'x', 'y' * 9000)|list }}",
    "translate": "{{ ('x' * 9000).translate({120: 'y' * 9000}) }}",
    "tilde": DOUBLED.replace("OPERATOR", "~"),
    "plus": DOUBLED.replace("OPERATOR", "+"),
    "plus of lists": DOUBLED.replace("artist_name", "[1]").replace("OPERATOR", "+"),
    "tilde in a loop": "{% set x = 'x' * 9000000 %}{% for a in 'ab' %}{% set y = x ~ x %}{% endfor %}",
    "output": "{% set x = 'x' * 1000 %}" + "{% for a in x %}" * 5 + "{{ x }}" + "{% endfor %}" * 5,
}


@pytest.mark.parametrize("text", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_value_that_is_too_large_is_not_computed(text):
    began = time.process_time()

    with pytest.raises(PromptError, match=r"prompt\.txt: .*longer than the API accepts; fix the template"):
        check_template(text, "prompt.txt")

    assert time.process_time() - began < 10


ALLOWED = {
    "{{ 'x' * 1000 }}": "x" * 1000,
    "{{ [1] * 3 }}{{ [1] + [2] }}{{ 1 + 2 }}": "[1, 1, 1][1, 2]3",
    "{{ artist_name.center(8) }}|{{ artist_name|center(8) }}|": "  Nina  |  Nina  |",
    "{{ '7'.zfill(3) }}{{ 'a\tb'.expandtabs(4) }}": "007a   b",
    "{{ '%-6s|%05d|%.2f' % ('a', 7, 1) }}": "a     |00007|1.00",
    "{{ '%s is %d'|format(artist_name, 7) }}": "Nina is 7",
    "{{ '{:>6}{:,}'.format('a', 123456789) }}": "     a123,456,789",
    "{{ ('<{}>'|safe).format('&') }}": "<&amp;>",
    "{{ '{a}'.format_map({'a': 1}) }}": "1",
    "{{ artist_name.replace('i', '') }}{{ artist_name|replace('a', 'o') }}": "NnaNino",
    "{{ artist_data.split(',')|join(' and ') }}": "singer and pianist",
    "{{ ', '.join(artist_data.split(',')|map('upper')) }}": "SINGER, PIANIST",
    "{{ artist_name ~ 1 ~ none }}": "Nina1None",
    "{{ 1.567|round(2) }}{{ 12345678 * 2 }}": "1.5724691356",
    "{{ ('a b'|wordwrap(1)).split() }}{{ 'a\nb'|indent(2) }}": "['a', 'b']a\n  b",
    "{{ [1, 2, 3]|batch(2, 0)|list }}{{ [1, 2]|slice(2)|list }}": "[[1, 2], [3, 0]][[1], [2]]",
    "{{ ([]|first)|default('nobody') }}": "nobody",
    "{{ [3, 1]|sort|first }}{{ {'a': 1}|tojson }}": '1{"a": 1}',
}


@pytest.mark.parametrize(("text", "filled"), ALLOWED.items())
def test_an_ordinary_step_is_computed(text, filled):
    check_template(text, "prompt.txt")

    assert compile_template(text)("Nina", "singer,pianist") == filled


def test_the_longest_text_that_the_api_accepts_can_be_made():
    assert len(compile_template("{{ 'x' * 1048576 * 10 }}")("Nina", "")) == MAX_TEXT_LENGTH


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "9" * 5000 + " }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
    ],
    ids=["brackets", "digits", "blocks"],
)
def test_a_template_that_cannot_be_compiled_is_refused_in_one_sentence(text):
    with pytest.raises(PromptError) as refusal:
        check_template(text, "prompt.txt")

    assert str(refusal.value).startswith("prompt.txt")
    assert "\n" not in str(refusal.value)
