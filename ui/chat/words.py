"""Numbers, times and sizes of the chat page as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend_embedded.contract.generation import GenerationStats

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SEPARATOR = " · "


def local(moment: datetime) -> datetime:
    """The moment in this machine's time zone; a moment without a zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone()


def short_time(moment: datetime, now: datetime) -> str:
    """`09:41` today and yesterday, `Mon` within a week, `2 Nov` within the year, else `2024-11-02`."""
    then, today = local(moment), local(now)
    days = (today.date() - then.date()).days
    if days <= 1:
        return f"{then:%H:%M}"
    if days < 7:
        return DAYS[then.weekday()]
    if then.year == today.year:
        return f"{then.day} {MONTHS[then.month - 1]}"
    return f"{then:%Y-%m-%d}"


def exact_time(moment: datetime) -> str:
    """The moment to the second, for a tooltip."""
    return f"{local(moment):%Y-%m-%d %H:%M:%S}"


def group_of(moment: datetime, now: datetime) -> str:
    """Heading of the list group: Today, Yesterday, Last 7 days, then the month."""
    then, today = local(moment), local(now)
    days = (today.date() - then.date()) // timedelta(days=1)
    if days <= 0:
        return "Today"
    if days == 1:
        return "Yesterday"
    if days < 7:
        return "Last 7 days"
    month = LONG_MONTHS[then.month - 1]
    return month if then.year == today.year else f"{month} {then.year}"


def grouped(number: int) -> str:
    """A whole number in groups of three: `1,284`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 token`, `1,284 tokens`."""
    return f"{grouped(number)} {noun}{'' if number == 1 else 's'}"


def rate(tokens_per_s: float) -> str:
    """A decode rate with three significant digits: `38.2 tok/s`; `–` while unknown."""
    if tokens_per_s <= 0:
        return "– tok/s"
    digits = 0 if tokens_per_s >= 100 else 1 if tokens_per_s >= 10 else 2
    return f"{tokens_per_s:.{digits}f} tok/s"


def duration(seconds: float) -> str:
    """`< 1 ms`, `12 ms`, `0.41 s`, `4.1 s`, `48 s`, `1 min 52 s`, `2 h 5 min`."""
    if seconds < 0.001:
        return "< 1 ms"
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def file_size(size_bytes: int) -> str:
    """A file's size in decimal units, to three digits: `98.2 MB`, `638 MB`, `1.12 GB`."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1e9:.2f} GB"
    if size_bytes >= 1_000_000:
        megabytes = size_bytes / 1e6
        digits = 2 if megabytes < 10 else 1 if megabytes < 100 else 0
        return f"{megabytes:.{digits}f} MB"
    return f"{max(1, round(size_bytes / 1e3))} kB"


def product(provider: str) -> str:
    """A provider's name as its makers write it."""
    return {"ollama": "Ollama"}.get(provider, provider)


def footer_facts(stats: GenerationStats) -> str:
    """`llama.cpp · Q4_0 · 38.2 tok/s · first token 0.41 s · 268 tokens`."""
    parts = [product(stats.provider)]
    if stats.quantization:
        parts.append(stats.quantization)
    if stats.cached:
        parts.append("from the cache")  # the times are those of when it was written
    if stats.tokens_per_s > 0 and not stats.cached:
        parts.append(rate(stats.tokens_per_s))
    if stats.ttft_ms > 0 and not stats.cached:
        parts.append(f"first token {duration(stats.ttft_ms / 1000)}")
    parts.append(counted(stats.completion_tokens, "token"))
    return SEPARATOR.join(part for part in parts if part)


def told_apart(provider: str, prompt_tokens: int) -> str:
    """`Ollama counted 1,024 prompt tokens, not as before sending`, when the two counts do not agree."""
    return f"{product(provider)} counted {counted(prompt_tokens, 'prompt token')}, not as before sending"


def title_from(text: str, limit: int = 60) -> str:
    """A conversation's title from its first question: the first line, cut at a word."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "New chat")
    if len(line) <= limit:
        return line
    return line[:limit].rsplit(" ", 1)[0].rstrip(" ,.;:") + "…"
