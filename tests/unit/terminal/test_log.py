"""Log lines: repeated ones are counted on the terminal, and all of them are in the log file."""

from artistjobs.terminal.log import GROUP_SECONDS, MAX_KINDS, RepeatCounter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_line_of_a_kind_is_printed_at_once_and_repeats_are_grouped():
    clock = Clock()
    groups = RepeatCounter(clock)

    added = [groups.add("calls repeated", code) for code in ["a", "b", "a", "a", "b"]]
    early = groups.due()
    clock.now = GROUP_SECONDS

    assert added == [False, False, True, True, True]
    assert early == []
    assert groups.due() == ["calls repeated: a 2, b 1"]
    assert groups.due(at_once=True) == []


def test_invented_error_codes_fill_neither_screen_nor_memory():
    groups = RepeatCounter(Clock())

    said = [code for code in range(10 * MAX_KINDS) if not groups.add("calls repeated", f"code {code}")]

    assert len(said) == MAX_KINDS
