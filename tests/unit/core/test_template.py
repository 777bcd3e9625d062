"""Templates use two variables and nothing else; an invalid template is refused before a row is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.core.template import check_template, compile_template, uses_artist_data
from artistjobs.errors import PromptError


def fill_in(text, name="Nina Simone", data="pianist"):
    check_template(text, "prompt.txt")
    return compile_template(text)(name, data)


def refusal_of(text):
    with pytest.raises(PromptError) as refusal:
        check_template(text, "prompt.txt")
    return str(refusal.value)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Who is {{artist_name}}?", "Who is Nina Simone?"),
        ("{{ artist_name }}: {{ artist_data }}", "Nina Simone: pianist"),
        ("{{artist_name}}{% if artist_data %}, {{artist_data}}{% endif %}.", "Nina Simone, pianist."),
        ("{{ artist_name|upper }} {# a comment #}", "NINA SIMONE "),
        ("{% set name = artist_name %}{{ name }}", "Nina Simone"),
        ("{% for part in artist_name.split() %}{{ loop.index }}{{ part }}{% endfor %}", "1Nina2Simone"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
        ("no names at all", "no names at all"),
    ],
)
def test_a_template_is_filled_in(text, filled):
    assert fill_in(text) == filled


def test_a_condition_on_missing_data_is_false():
    assert fill_in("{{artist_name}}{% if artist_data %}, {{artist_data}}{% endif %}.", data="") == "Nina Simone."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{{ artist }}", 1),
        ("one\ntwo\n{{ artist_nmae }}", 3),
        ("one\r\ntwo\r\n{{ artist_nmae }}", 3),
        ("{% if artist_data == 'never' %}\n{{ genre }}{% endif %}", 2),
        ("{% macro m() %}{{ genre }}{% endmacro %}", 1),
        ("{{ range(3) }}", 1),
        ("{{ loop }}", 1),
        ("{{ self }}", 1),
        ("{{ artist_name|capitalise }}", 1),
        ("\n{{ artist_name is famous }}", 2),
    ],
)
def test_an_unknown_name_is_refused_with_file_and_line(text, line):
    assert refusal_of(text).startswith(f"prompt.txt, line {line}: ")


def test_the_refusal_of_a_name_lists_the_known_names():
    assert refusal_of("{{ genre }}") == (
        "prompt.txt, line 1: 'genre' is not known here; a template can use artist_name and artist_data."
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\n{{ artist_name", 2),
        ("one\n\n{% if %}", 3),
        ("{% if artist_data %}", 1),
        ("{% block a %}{% endblock %}\n{% block a %}{% endblock %}", 2),
        ("{{ artist_name }} }} {% nope %}", 1),
    ],
)
def test_a_syntax_error_is_refused_with_file_and_line(text, line):
    message = refusal_of(text)

    assert message.startswith(f"prompt.txt, line {line}: ")
    assert message.endswith("; fix the template.")
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", " \r\n\t"])
def test_an_empty_template_is_refused(text):
    assert refusal_of(text).startswith("prompt.txt is empty; ")


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ artist_name['__class__'] }}",
        "{{ artist_name.format.__globals__ }}",
        "{{ artist_name|attr('__class__') }}",
        "{{ artist_name|groupby('__class__') }}",
        "{{ '{0.__class__}'.format(artist_name) }}",
        "{{ '{a.__class__}'.format_map({'a': artist_name}) }}",
        "{% set f = '{0.__class__}'.format %}{{ f(artist_name) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ self._TemplateReference__context }}",
        "{% for x in artist_name %}{{ loop.__class__ }}{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% include artist_name %}",
        "{% import 'os' as os %}",
        "{% from 'os' import path %}",
        "{% extends '/etc/passwd' %}",
    ],
)
def test_an_escape_from_the_sandbox_is_refused(text):
    message = refusal_of(text)

    assert message.startswith("prompt.txt")
    assert "root:" not in message


@pytest.mark.parametrize(
    "text",
    ["{{ [artist_name]|map(attribute='__class__')|list }}", "{% if artist_data == '' %}{% include 'x' %}{% endif %}x"],
)
def test_an_undetected_escape_has_no_effect(text):
    try:
        filled = fill_in(text)
    except PromptError:
        return

    assert filled in ("[Undefined]", "x")


def test_characters_of_html_stay_as_they_are():
    text = "<b>{{ artist_name }}</b> & {{ artist_data }}"

    assert fill_in(text, "Simon & <Garfunkel>", '"duo"') == '<b>Simon & <Garfunkel></b> & "duo"'


@pytest.mark.parametrize("row", ["{{ artist_data }}", "{% if x %}", "{# gone #}", "{{ ''.__class__ }}", "{{", "%}"])
def test_the_text_of_a_row_is_never_evaluated(row):
    assert fill_in("<{{ artist_name }}>", row) == f"<{row}>"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_of_a_row_arrives_as_it_is(name, data):
    assert fill_in("{{ artist_name }}|{{ artist_data }}", name, data) == f"{name}|{data}"


def test_line_ends_become_plain_ones_and_the_last_one_is_left_out():
    assert fill_in("one\r\n{{ artist_name }}\r\n\r\n", "a\r\nb") == "one\na\r\nb\n"


def test_a_lone_surrogate_written_as_an_escape_can_be_sent():
    assert fill_in('{{ "\\ud800" }}') == "\N{REPLACEMENT CHARACTER}"


def test_a_template_that_no_row_could_fill_in_is_refused():
    assert refusal_of("{{ 1 / 0 }}") == (
        "prompt.txt: the template cannot be filled in for this row: division by zero; fix the template."
    )


@pytest.mark.parametrize(
    ("text", "names_it"),
    [
        ("{{ artist_name }}", False),
        ("{{ artist_data }}", True),
        ("{% if artist_data %}x{% endif %}", True),
        ("{% raw %}{{ artist_data }}{% endraw %}", False),
        ("{# artist_data #}", False),
        ("{% set artist_data = 'x' %}{{ artist_data }}", False),
    ],
)
def test_a_template_sends_data_if_it_uses_the_variable(text, names_it):
    assert uses_artist_data(text) is names_it
