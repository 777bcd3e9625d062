"""Limits of models on tokens: the context window, and the longest answer.

genai-prices knows the context windows of most models, but not how long an answer may be, and rounds some windows down
(gpt-4.1: 1,000,000 instead of 1,047,576). So the models of OpenAI are listed here. For any other model the context
window of genai-prices is used, with 5 % on top; an answer is at most as long as the window.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from artistjobs.core.pricing import PROVIDER


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """Most tokens of one model turn: input and output together, and output alone. None if unknown."""

    context_tokens: int | None = None
    output_tokens: int | None = None


_SMALL_CHAT = ModelLimits(128_000, 16_384)
_REASONING = ModelLimits(200_000, 100_000)
_GPT_4_1 = ModelLimits(1_047_576, 32_768)
_GPT_5 = ModelLimits(400_000, 128_000)
_LONG = ModelLimits(1_050_000, 128_000)


_LIMITS: Mapping[str, ModelLimits] = {
    "gpt-3.5-turbo": ModelLimits(16_385, 4_096),
    "gpt-4": ModelLimits(8_192, 8_192),
    "gpt-4-turbo": ModelLimits(128_000, 4_096),
    "gpt-4o-2024-05-13": ModelLimits(128_000, 4_096),
    **dict.fromkeys(("gpt-4o", "gpt-4o-mini", "chatgpt-4o-latest"), _SMALL_CHAT),
    **dict.fromkeys(("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"), _GPT_4_1),
    **dict.fromkeys(("o1", "o1-pro", "o3", "o3-mini", "o3-pro", "o4-mini"), _REASONING),
    **dict.fromkeys(("o3-deep-research", "o4-mini-deep-research"), _REASONING),
    **dict.fromkeys(("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5-codex", "gpt-5-chat-latest"), _GPT_5),
    "gpt-5-pro": ModelLimits(400_000, 272_000),
    **dict.fromkeys(("gpt-5.1", "gpt-5.1-codex", "gpt-5.1-codex-mini", "gpt-5.1-codex-max"), _GPT_5),
    **dict.fromkeys(("gpt-5.2", "gpt-5.2-codex", "gpt-5.2-pro", "gpt-5.3-codex"), _GPT_5),
    **dict.fromkeys(("gpt-5.1-chat-latest", "gpt-5.2-chat-latest", "gpt-5.3-chat-latest"), _SMALL_CHAT),
    **dict.fromkeys(("gpt-5.4-mini", "gpt-5.4-nano"), _GPT_5),
    **dict.fromkeys(("gpt-5.4", "gpt-5.4-pro", "gpt-5.5", "gpt-5.5-pro"), _LONG),
    **dict.fromkeys(("gpt-5.6", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"), _LONG),
    **dict.fromkeys(("gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra"), _LONG),
    **dict.fromkeys(("gpt-6.2-astra", "gpt-6.2-sol"), _LONG),
    # The simulated API answers with a few hundred tokens.
    "rehearsal": ModelLimits(128_000, 4_096),
}
"""Limits by name without date. Sources, November 2026: the model pages of developers.openai.com as copied by models.dev
(July 2026), and for newer models by the catalogs of Vercel, Runware and Google Cloud."""


_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$")


_LISTED_TOO_LOW = 1.05
"""Factor from the context windows of genai-prices (0.2.3) to those of the model pages: it rounds down by up to 5 %."""


@lru_cache(maxsize=256)
def model_limits(model: str) -> ModelLimits:
    """Return the limits of a model by its name, with or without a date, a provider (``openai/gpt-5``) or ``ft:``."""
    name = model.lower().rsplit("/", maxsplit=1)[-1]
    if name.startswith("ft:"):
        name = name.split(":")[1]
    if (listed := _LIMITS.get(name) or _LIMITS.get(_DATE.sub("", name))) is not None:
        return listed
    context = _context_window(name)
    return ModelLimits(context, context)


def _context_window(model: str) -> int | None:
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, info = get_snapshot().find_provider_model(model, None, PROVIDER, None)
    except LookupError:
        return None
    return int(info.context_window * _LISTED_TOO_LOW) if info.context_window else None
