"""The commands that ask, or get ready to: check, ingest, work, run."""

from typing import TYPE_CHECKING, NoReturn

import click
from click.exceptions import Exit

from artistjobs.cli.help import command
from artistjobs.cli.talk import begin, talking
from artistjobs.options import (
    PATH,
    Settings,
    ask_options,
    check_options,
    format_option,
    json_option,
    rehearse_options,
    source_options,
    work_options,
)

if TYPE_CHECKING:
    from pathlib import Path

    from artistjobs.artists import Artist
    from artistjobs.config import IngestConfig
    from artistjobs.given import Given
    from artistjobs.prompt import Body
    from artistjobs.reply import Json
    from artistjobs.runner import RunReport
    from artistjobs.store import Ingested


@command()
@check_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def check(settings: Settings, /, **options: object) -> None:
    """Say whether a run will work and what it will cost.

    Looks at key, model, prompt, limits and price, and at the rows of FILE if one is named; free of charge, and
    nothing is written.

    Example: artistjobs check artists.csv --prompt-file prompt.txt
    """
    from artistjobs.check import checkup_json, checkup_lines
    from artistjobs.given import Given
    from artistjobs.session import check_up
    from artistjobs.stdio import tell, tell_json

    given = Given(settings, options)
    with talking(settings, given.scenario):
        found = check_up(given.database(), given.checking())
    tell_json(checkup_json(found)) if given.as_json else tell("\n".join(checkup_lines(found)))
    raise Exit(found.exit_code)


@command()
@source_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def ingest(settings: Settings, /, *, dry_run: bool, **options: object) -> None:
    """Read FILE (- is stdin) and add a pending job for each new row.

    Example: artistjobs ingest artists.csv --prompt-file prompt.txt
    """
    from artistjobs.given import Given
    from artistjobs.ingest import ingest_file, refuse_unreadable
    from artistjobs.ingest_text import ingest_json, ingest_sentence
    from artistjobs.stdio import say, tell_json

    given = Given(settings, options)
    with talking(settings, given.scenario, given.warning()):
        config = given.ingest_config()
        if dry_run:
            _dry_run(given, config)
            return
        refuse_unreadable(config.source)
        with given.database().open(create=True) as store:
            ingested = ingest_file(store.intake, config)
        tell_json(ingest_json(ingested)) if given.as_json else say(ingest_sentence(ingested))


@command()
@work_options
@rehearse_options
@json_option
@click.pass_obj
def work(settings: Settings, /, **options: object) -> None:
    """Ask about all pending jobs, and store what comes back.

    Example: artistjobs work --max-workers 32
    """
    begin(settings)
    from artistjobs.given import Given
    from artistjobs.job import EVERYTHING
    from artistjobs.session import work_on

    given = Given(settings, options)
    with talking(settings, given.scenario) as voice:
        report = work_on(given.database(), EVERYTHING, given.working(), voice)
        _finish(settings, given, report)


@command()
@source_options
@ask_options
@work_options
@rehearse_options
@json_option
@click.option("--output", type=PATH, help="Where the answers go.  [default: out.jsonl]")
@format_option
@click.pass_obj
def run(
    settings: Settings, /, output: "Path | None", format_name: str | None, *, dry_run: bool, **options: object
) -> None:
    """Ingest FILE, work on its rows and export their answers.

    What was answered before is not asked again. Interrupted, it goes on when called again.

    Example: artistjobs run artists.csv --prompt-file prompt.txt
    """
    if not dry_run:
        begin(settings)
    from artistjobs.delivery import Destination
    from artistjobs.export import format_of, output_or_default
    from artistjobs.given import Given
    from artistjobs.session import run_file
    from artistjobs.stdio import Texts

    output = output_or_default(output, format_name)
    given = Given(settings, options)
    with talking(settings, given.scenario, given.warning()) as voice:
        config, texts = given.ingest_config(), None if given.as_json else Texts()
        if dry_run:
            _dry_run(given, config)
            return
        written_as = format_of(output, format_name)
        going = Destination(output=output, texts=texts, needed=given.prompt_files(), format=written_as)
        report, ingested = run_file(given.database(), config, given.working(), voice, going)
        _finish(settings, given, report, ingested)


def _dry_run(given: "Given", config: "IngestConfig") -> None:
    from artistjobs.estimate import Workload, estimate, estimate_json, estimate_lines
    from artistjobs.session import count_file
    from artistjobs.stdio import say, tell_json
    from artistjobs.terminal import counted, visible

    limit = given.limit()
    bodies: list[Json] = []

    def show(artist: "Artist", body: "Body") -> None:
        del artist
        if limit is None or len(bodies) < limit:
            bodies.append(body)
            if not given.as_json:
                tell_json(body, indent=2)

    file, measured = count_file(given.database(), config, show)
    rows, calls = file.rows, min(file.asked.ahead, limit or file.asked.ahead)
    load = Workload(prompt=config.prompt, calls=calls, request_bytes=rows.mean_bytes * calls)
    made = estimate(load, measured, given.cost())
    if given.as_json:
        tell_json({"rows": rows.good, "bad": rows.bad, "requests": bodies, "estimate": estimate_json(made)})
        return
    at_most = f", {limit:,} of them by --limit" if limit is not None and limit < file.asked.ahead else ""
    say(f"dry run: {counted(rows.good, 'row')} to ask about{at_most}, {rows.bad:,} bad; nothing was sent or written")
    say("\n".join(map(visible, estimate_lines(made))))


def _finish(settings: Settings, given: "Given", run: "RunReport", ingested: "Ingested | None" = None) -> NoReturn:
    from artistjobs.log import FILE_ONLY, log
    from artistjobs.stdio import same_command, say, tell_json
    from artistjobs.stop import Reason
    from artistjobs.summary import exit_code, run_json, run_sentences
    from artistjobs.terminal import visible

    if given.as_json:
        tell_json(run_json(run, ingested))
    sentences = run_sentences(run, ingested, given.database().path)
    if given.scenario is not None:
        sentences.append(f"rehearsal ({given.scenario}): nothing was sent to OpenAI, and nothing cost anything")
    if run.after.pending + run.after.running:
        # The same cap would end it at once.
        first = "with a higher --max-cost " if run.reason is Reason.MAX_COST else ""
        sentences.append(f"{first}go on with: {same_command()}")
    for sentence in sentences:
        log.info("%s", sentence, extra=FILE_ONLY)
    if not settings.quiet or exit_code(run):
        say("\n".join(map(visible, sentences)))
    raise Exit(exit_code(run))
