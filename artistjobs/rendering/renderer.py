"""Rendering of templates for rows, within limits on time and memory."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from artistjobs.core.columns import NO_COLUMNS, Columns
from artistjobs.core.prompt import Body, Prompt, request_builder, used_columns
from artistjobs.rendering.process import RenderProcess

if TYPE_CHECKING:
    from artistjobs.core.template import Render


class Renderer:
    """Renders quick templates on the spot, and all others in a child process, which is started when it is needed.

    A context manager: its end closes the process.
    """

    def __init__(self) -> None:
        self._process = RenderProcess()

    def __enter__(self) -> Self:
        """Return the renderer."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the renderer."""
        self.close()

    def compile(self, template: str) -> "Render":
        """Return a checked template as a function of the fields of a row.

        That function raises PromptError if the template cannot be rendered for a row, or takes too much time or
        memory, and RunStoppedError if no process can be started.
        """
        # A late import: requests with a stored prompt need no Jinja.
        from artistjobs.core.template import compile_template, is_quick

        def render(name: str, data: str, columns: Columns = NO_COLUMNS, /) -> str:
            if is_quick(template, name, data, columns):
                return compile_template(template)(name, data, columns)
            return self._process.render(template, name, data, columns)

        return render

    def close(self) -> None:
        """End the child process, if there is one; may be called from any thread."""
        self._process.close()


def is_immediate(prompt: Prompt, name: str, data: str, columns: Columns = NO_COLUMNS) -> bool:
    """Return True if a request for a row is built in no noticeable time, without a child process."""
    if prompt.template is None:
        return True
    from artistjobs.core.template import is_quick

    return is_quick(prompt.template, name, data, used_columns(prompt, columns))


def build_request(prompt: Prompt, name: str, data: str, columns: Columns = NO_COLUMNS) -> Body:
    """Return the request body for one row, with a process of its own if it needs one. Raises as ``compile`` says."""
    with Renderer() as renderer:
        return request_builder(prompt, renderer.compile)(name, data, columns)
