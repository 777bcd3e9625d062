"""Calls run in the fastest event loop that is installed."""

import asyncio
import sys

import pytest
import uvloop

from artistjobs.worker.launch import run_in_loop


async def loop_at_work() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def test_calls_are_made_in_the_fastest_loop():
    assert isinstance(run_in_loop(loop_at_work()), uvloop.Loop)


def test_without_a_faster_loop_that_of_python_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert not isinstance(run_in_loop(loop_at_work()), uvloop.Loop)


def test_an_error_of_a_call_is_raised():
    async def fail() -> None:
        raise RuntimeError("a bug") from ValueError("its cause")

    with pytest.raises(RuntimeError, match="a bug"):
        run_in_loop(fail())
