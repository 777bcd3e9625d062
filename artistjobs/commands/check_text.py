"""Text and JSON output of the command ``check``."""

from artistjobs.commands.check import Call, Checkup
from artistjobs.commands.dry_run import FileCount
from artistjobs.commands.estimate import price_per_million
from artistjobs.commands.estimate_text import estimate_json, spread_json
from artistjobs.commands.findings import Level
from artistjobs.core.formatting import counted
from artistjobs.core.json_values import Json
from artistjobs.core.prompt import Prompt
from artistjobs.terminal.escape import visible


def checkup_lines(checkup: Checkup) -> list[str]:
    """Return the findings as lines, and the verdict as the last line."""
    width = max(len(finding.subject) for finding in checkup.findings)
    lines = [
        f"{finding.level.value:4}  {finding.subject:{width}}  {visible(finding.text)}" for finding in checkup.findings
    ]
    return [*lines, _verdict(checkup)]


def _verdict(checkup: Checkup) -> str:
    if checkup.exit_code:
        return "A run will not work; fix the failures above and check again."
    warnings = sum(finding.level is Level.WARN for finding in checkup.findings)
    return "A run will work" + (f"; {counted(warnings, 'warning')} above." if warnings else ".")


def checkup_json(checkup: Checkup) -> dict[str, Json]:
    """Return the result of a check as JSON with stable keys."""
    plan = checkup.plan
    price = price_per_million(plan.prompt or Prompt(model=plan.model, prompt_id=""), plan.cost)
    return {
        "works": not checkup.exit_code,
        "exit_code": checkup.exit_code,
        "base_url": plan.base_url,
        "model": plan.model,
        "shutdown_date": checkup.shutdown_date,
        "limits": {"requests_per_minute": checkup.limits.requests, "tokens_per_minute": checkup.limits.tokens},
        "price": {"input_usd_per_million": price[0], "output_usd_per_million": price[1]} if price else None,
        "call": _call_json(checkup.call),
        "file": _file_json(plan.file),
        "estimate": estimate_json(checkup.estimate) if checkup.estimate else None,
        "seconds": spread_json(checkup.seconds, 1),
        "findings": [
            {"level": finding.level.value, "subject": finding.subject, "text": finding.text}
            for finding in checkup.findings
        ],
    }


def _call_json(call: Call | None) -> dict[str, Json] | None:
    if call is None:
        return None
    usage = call.answer.usage if call.answer else None
    return {
        "answered_by": call.answer.model if call.answer else None,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost_usd": call.cost_usd,
        "seconds": round(call.seconds, 3),
    }


def _file_json(file: FileCount | None) -> dict[str, Json] | None:
    if file is None:
        return None
    asked = file.asked
    return {
        "name": file.name,
        "good": file.rows.good,
        "bad": file.rows.bad,
        "distinct": asked.distinct,
        "database": file.database,
        "new": asked.new,
        "done": asked.known.done,
        "failed": asked.known.failed,
        "calls": asked.ahead,
    }
