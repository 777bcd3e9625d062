"""Text and JSON output of the command ``check``."""

from artistjobs.api.address import shown_url
from artistjobs.commands.check import CheckResult, TestCall
from artistjobs.commands.dry_run import FilePreviewResult
from artistjobs.commands.estimate import price_per_million
from artistjobs.commands.estimate_text import estimate_json, interval_json
from artistjobs.commands.findings_text import finding_lines, findings_json, warnings_text
from artistjobs.core.json_values import Json
from artistjobs.core.prompt import Prompt


def check_result_lines(check_result: CheckResult) -> list[str]:
    """Return the findings as lines, and the verdict as the last line."""
    return [*finding_lines(check_result.findings), _verdict(check_result)]


def _verdict(check_result: CheckResult) -> str:
    if check_result.exit_code:
        return "A run will not work; fix the failures above and check again."
    return "A run will work" + warnings_text(check_result.findings)


def check_result_json(check_result: CheckResult) -> dict[str, Json]:
    """Return the result of a check as JSON with stable keys."""
    plan = check_result.plan
    prompt = plan.prompt or (Prompt(model=plan.model, prompt_id="") if plan.model is not None else None)
    price = price_per_million(prompt, plan.cost) if prompt is not None else None
    return {
        "works": not check_result.exit_code,
        "exit_code": check_result.exit_code,
        "base_url": shown_url(plan.base_url),
        "model": plan.model,
        "shutdown_date": check_result.shutdown_date,
        "limits": {
            "requests_per_minute": check_result.limits.requests,
            "tokens_per_minute": check_result.limits.tokens,
        },
        "price": {"input_usd_per_million": price[0], "output_usd_per_million": price[1]} if price else None,
        "call": _call_json(check_result.call),
        "file": _file_json(plan.file),
        "estimate": estimate_json(check_result.estimate) if check_result.estimate else None,
        "seconds": interval_json(check_result.seconds, 1),
        "findings": findings_json(check_result.findings),
    }


def _call_json(call: TestCall | None) -> dict[str, Json] | None:
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


def _file_json(file: FilePreviewResult | None) -> dict[str, Json] | None:
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
        "calls": asked.to_call,
    }
