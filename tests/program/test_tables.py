"""The columns of a table: in prompts, as variables, and back in every export."""

import csv
import io
import json

import pytest
from conftest import read_records
from workbooks import workbook

from artistjobs.rehearsal.faults import Fault

TABLE = "artist_name,artist_data,Country,Year of birth\nFrida Kahlo,painter,Mexico,1907\nPrince,singer,USA,1958\n"


@pytest.fixture
def ask(folder):
    (folder / "ask.txt").write_text("Was {{ artist_name }} born in {{ country }} in {{ year_of_birth }}?")
    return "--prompt-file", "ask.txt"


def columns(folder, name="out.jsonl"):
    return [record["columns"] for record in read_records(folder / name)]


def inputs(api):
    return sorted(call.body["input"] for call in api.journal.calls)


MEXICO, USA = {"country": "Mexico", "year_of_birth": "1907"}, {"country": "USA", "year_of_birth": "1958"}


def table_as(form):
    """Return the same table in a format."""
    rows = list(csv.reader(io.StringIO(TABLE)))
    match form:
        case "csv":
            return TABLE.encode()
        case "tsv" | "semicolon":
            return TABLE.replace(",", "\t" if form == "tsv" else ";").encode()
        case "jsonl":
            keys, *others = rows
            return "\n".join(
                json.dumps({**dict(zip(keys, row, strict=True)), keys[-1]: int(row[-1])}) for row in others
            ).encode()
        case "xlsx":
            return workbook(rows[0], *[[*row[:-1], int(row[-1])] for row in rows[1:]])
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    table = pa.Table.from_pylist(
        [{**dict(zip(rows[0], row, strict=True)), rows[0][-1]: float(row[-1])} for row in rows[1:]]
    )
    pq.write_table(table, file)
    return file.getvalue()


@pytest.mark.parametrize("form", ["csv", "tsv", "semicolon", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize("way", ["ending", "option", "stdin"])
def test_each_format_gives_the_same_requests_and_exports(cli, folder, api, ask, form, way):
    if form == "xlsx":
        pytest.importorskip("python_calamine")
    content = table_as(form)
    ending = {"semicolon": "ssv"}.get(form, form)
    (folder / f"a.{ending if way == 'ending' else 'dat'}").write_bytes(content)
    file = {"ending": f"a.{ending}", "option": "a.dat", "stdin": "-"}[way]
    options = [] if way == "ending" else ["--input-format", form]

    result = cli("run", file, *ask, *options, input=content if way == "stdin" else None)

    assert result.exit_code == 0, result.stderr
    assert inputs(api) == ["Was Frida Kahlo born in Mexico in 1907?", "Was Prince born in USA in 1958?"]
    assert columns(folder) == [MEXICO, USA]
    assert [record["artist_data"] for record in read_records(folder / "out.jsonl")] == ["painter", "singer"]


def test_a_column_that_the_file_lacks_is_refused_by_name_with_those_it_has(cli, folder, api):
    (folder / "a.csv").write_text(TABLE)
    (folder / "a.jsonl").write_bytes(table_as("jsonl"))
    (folder / "plain.csv").write_text("Prince,singer\n")
    (folder / "ask.txt").write_text("{{ artist_name }}\n{{ contry }}")

    for file in ("a.csv", "a.jsonl", "plain.csv"):
        known = "artist_name, artist_data" + ("" if file == "plain.csv" else ", country, year_of_birth")
        for command in (["run", file], ["ingest", file], ["run", file, "--dry-run"]):
            result = cli(*command, "--prompt-file", "ask.txt")
            said = f"artistjobs: ask.txt, line 2: 'contry' is not known here; {file} has the columns {known}."
            assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, said)
    assert api.journal.received == 0


def test_nothing_is_created_for_a_column_that_does_not_exist(cli, folder):
    (folder / "a.csv").write_text(TABLE)
    (folder / "ask.txt").write_text("{{ contry }}")

    cli("run", "a.csv", "--prompt-file", "ask.txt")

    assert not (folder / "artistjobs.db").exists()


def test_a_stored_prompt_gets_only_the_columns_that_are_named(cli, folder, api):
    (folder / "a.csv").write_text(TABLE + "Caravaggio\n")

    result = cli("run", "a.csv", "--prompt-id", "pmpt_1", "--variable", "country")
    unknown = cli("run", "a.csv", "--prompt-id", "pmpt_1", "--variable", "contry")

    sent = sorted((call.body["prompt"]["variables"] for call in api.journal.calls), key=lambda one: one["artist_name"])
    assert result.exit_code == 0, result.stderr
    assert sent == [
        {"artist_name": "Caravaggio", "country": ""},
        {"artist_name": "Frida Kahlo", "artist_data": "painter", "country": "Mexico"},
        {"artist_name": "Prince", "artist_data": "singer", "country": "USA"},
    ]
    assert read_records(folder / "out.jsonl")[0]["request"]["variables"] == sent[1]
    assert "--variable contry is no column of a.csv, which has the columns artist_name, artist_data, country, year" in (
        unknown.stderr
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--prompt-id", "x", "--variable", "artist_data"], "--variable artist_data is not needed"),
        (["--prompt-file", "ask.txt", "--variable", "country"], "--variable requires --prompt-id"),
        (["--column", "country=Country"], "--column country=Country is not understood"),
        (["--column", "artist_name"], "--column artist_name is not understood"),
        (["--column", "artist_name=A", "--column", "artist_name=B"], "--column artist_name is given twice"),
        (["--input-format", "xlsx", "--encoding", "latin-1"], "--encoding is for files of text, not for xlsx"),
    ],
)
def test_options_that_make_no_sense_are_wrong_use(cli, folder, ask, options, said):
    (folder / "a.csv").write_text(TABLE)

    result = cli("ingest", "a.csv", *options)

    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_columns_that_a_request_does_not_use_make_no_other_job(cli, folder, api):
    (folder / "ask.txt").write_text("Who is {{ artist_name }} of {{ country }}?")
    rows = ["artist_name,country,id", "Prince,USA,1", "Prince,USA,2", "Prince,UK,3"]
    (folder / "a.csv").write_text("\n".join(rows))

    result = cli("run", "a.csv", "--prompt-file", "ask.txt")

    assert "2 jobs added, 0 already known, 1 duplicate" in result.stderr
    assert api.journal.received == 2
    assert [(one["country"], one["id"]) for one in columns(folder)] == [("USA", "1"), ("USA", "2"), ("UK", "3")]


def test_each_ingest_comes_back_with_the_columns_of_its_own_file(cli, folder, api):
    (folder / "ask.txt").write_text("Who is {{ artist_name }}?")
    (folder / "a.csv").write_text("artist_name,country,id\nPrince,USA,1\nBowie,UK,2\n")
    (folder / "b.csv").write_text("id,artist_name,genre\n9,Prince,funk\n8,Björk,pop\n")
    (folder / "c.csv").write_text("Prince\nBowie\n")
    for name in ("a.csv", "b.csv", "c.csv"):
        assert cli("run", name, "--prompt-file", "ask.txt", "--output", f"{name}.jsonl").exit_code == 0
    again = cli("run", "a.csv", "--prompt-file", "ask.txt", "--output", "again.jsonl")

    assert api.journal.received == 3
    assert "the same file as before" in again.stderr
    assert columns(folder, "a.csv.jsonl") == columns(folder, "again.jsonl") == [
        {"country": "USA", "id": "1"}, {"country": "UK", "id": "2"},
    ]  # fmt: skip
    assert columns(folder, "b.csv.jsonl") == [{"id": "9", "genre": "funk"}, {"id": "8", "genre": "pop"}]
    assert not any("columns" in record for record in read_records(folder / "c.csv.jsonl"))
    cli("export", "all.csv", "--columns", "artist_name,country,id,genre")
    assert (folder / "all.csv").read_text().splitlines() == [
        "artist_name,country,id,genre", "Prince,USA,1,", "Bowie,UK,2,", "Björk,,8,pop",
    ]  # fmt: skip


def test_the_same_bytes_read_in_another_way_are_another_file(cli, folder):
    (folder / "a.csv").write_text("Artist,Bio\nPrince,singer\n")

    first, chosen, again = (
        cli("ingest", "a.csv", *options)
        for options in ([], ["--column", "artist_name=Artist", "--column", "artist_data=Bio"], [])
    )

    assert "2 jobs added" in first.stderr
    assert "0 jobs added, 1 already known" in chosen.stderr
    assert "the same file as before" in again.stderr


def test_columns_of_the_file_are_columns_of_a_table_export(cli, folder):
    (folder / "a.csv").write_text("artist_name,model,country,input_model\nPrince,x,USA,y\n")
    (folder / "answer.json").write_text('{"type": "object", "properties": {"country": {"type": "string"}}}')

    assert cli("run", "a.csv", "--schema", "answer.json", "--output", "out.csv").exit_code == 0

    (row,) = csv.DictReader(io.StringIO((folder / "out.csv").read_text()))
    assert list(row)[15:] == ["input_input_model", "country", "input_model", "data_country"]
    assert (row["input_input_model"], row["country"], row["input_model"]) == ("x", "USA", "y")
    assert row["model"] == "gpt-5"


def test_columns_are_in_a_parquet_export(cli, folder):
    pq = pytest.importorskip("pyarrow.parquet")
    (folder / "a.csv").write_text(TABLE)

    assert cli("run", "a.csv", "--output", "out.parquet").exit_code == 0

    assert (
        pq.read_table(folder / "out.parquet").to_pylist()[0] | MEXICO
        == pq.read_table(folder / "out.parquet").to_pylist()[0]
    )


def test_failed_rows_and_full_records_have_their_columns_too(cli, folder, api):
    (folder / "a.csv").write_text(TABLE)
    api.script = lambda body, _: Fault.REFUSAL if "Prince" in str(body) else None

    cli("run", "a.csv", "--max-workers", 1)
    cli("export", "all.jsonl", "--state", "all", "--full")
    cli("export", "chosen.jsonl", "--state", "all", "--columns", "artist_name,columns")

    assert [record["error"] is None for record in read_records(folder / "all.jsonl")] == [True, False]
    assert columns(folder, "all.jsonl") == columns(folder, "chosen.jsonl") == [MEXICO, USA]


def test_show_has_the_columns_of_a_job(cli, folder, ask):
    (folder / "a.csv").write_text(TABLE)
    cli("ingest", "a.csv", *ask)

    assert json.loads(cli("show", "Prince", "--json").stdout)["columns"] == USA
    assert json.loads(cli("show", "Prince", "--json").stdout)["request"]["input"] == "Was Prince born in USA in 1958?"
    assert "  country: USA\n  year_of_birth: 1958\n" in cli("show", "Prince").stdout


def test_a_slow_template_gets_the_columns_too(cli, folder, api):
    (folder / "a.csv").write_text(TABLE)
    (folder / "ask.txt").write_text("{% for word in country.split() %}{{ artist_name }}: {{ word }}{% endfor %}")

    assert cli("run", "a.csv", "--prompt-file", "ask.txt").exit_code == 0
    assert inputs(api) == ["Frida Kahlo: Mexico", "Prince: USA"]


def test_a_sample_and_several_processes_get_the_columns_too(program_with_api, folder, ask):
    rows = "".join(f"Artist {number},x,Country {number},{number}\n" for number in range(30))
    (folder / "a.csv").write_text(TABLE.splitlines()[0] + "\n" + rows)

    result = program_with_api.run(
        "run", "a.csv", *ask, "--limit", "10", "--sample", "--processes", "2", "--max-workers", "4"
    )

    assert result.returncode == 4, result.stderr
    found = columns(folder)
    assert len(found) == 10
    assert all(one["country"] == f"Country {one['year_of_birth']}" for one in found)


def test_check_reads_the_columns_of_the_file(cli, folder, ask):
    (folder / "a.csv").write_text(TABLE)
    (folder / "other.csv").write_text("artist_name,land\nPrince,USA\n")

    with_file, without, other = cli("check", "a.csv", *ask), cli("check", *ask), cli("check", "other.csv", *ask)

    assert with_file.exit_code == 0, with_file.stdout
    assert "the template is valid for a file with the columns country, year_of_birth" in without.stdout
    assert other.exit_code == 2
    assert "'country' is not known here; other.csv has the columns artist_name, land" in other.stdout


def test_the_longest_row_is_tried_out_with_its_columns(cli, folder):
    (folder / "a.csv").write_text("artist_name,born\nPrince,1958\nFrida Kahlo,unknown date\n")
    (folder / "ask.txt").write_text("{{ artist_name }}: {{ 100 // (born|int - 0) }}")

    result = cli("ingest", "a.csv", "--prompt-file", "ask.txt")

    assert result.exit_code == 0
    assert "a.csv, line 3: the template cannot be filled in" in result.stderr


def test_a_missing_package_is_named_with_the_command_that_installs_it(cli, folder, monkeypatch):
    monkeypatch.setattr("artistjobs.ingest.extras.find_spec", lambda _: None)
    (folder / "a.xlsx").write_bytes(b"PK")
    (folder / "a.parquet").write_bytes(b"PAR1")

    for name, package in (("a.xlsx", "python-calamine"), ("a.parquet", "pyarrow")):
        result = cli("run", name)
        assert result.exit_code == 2
        assert f" -m pip install {package}" in result.stderr
    assert not (folder / "artistjobs.db").exists()


def test_a_comparison_pairs_rows_by_their_columns_and_has_them(cli, folder):
    (folder / "a.csv").write_text("artist_name,country,id\nPrince,USA,1\nPrince,UK,2\n")
    for number in (1, 2):
        (folder / f"{number}.txt").write_text(f"{number}: {{{{ artist_name }}}} {{{{ country }}}}")
        cli("run", "a.csv", "--prompt-file", f"{number}.txt")

    cli("compare", "1", "2", "both.jsonl")
    cli("compare", "1", "2", "both.csv")

    assert columns(folder, "both.jsonl") == [{"country": "USA", "id": "1"}, {"country": "UK", "id": "2"}]
    rows = list(csv.DictReader(io.StringIO((folder / "both.csv").read_text())))
    assert [(row["country"], row["id"]) for row in rows] == [("USA", "1"), ("UK", "2")]
