"""Columns of one export: the fixed ones, those of its files and of the schemas of its answers, and the choice."""

from collections.abc import Callable, Collection, Iterable, Sequence

from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema_properties import SchemaProperty, common_type, schema_properties
from artistjobs.errors import WrongUseError
from artistjobs.export.columns import CITATIONS, COLUMNS, COLUMNS_IN_FULL, WHOLE_PARTS, ExportColumn, columns, values_of
from artistjobs.export.records import Record, RecordBuilder

FIXED_NAMES = frozenset(column.name for column in COLUMNS + COLUMNS_IN_FULL + WHOLE_PARTS)
"""Names that a property of a schema cannot take; its column is then named ``data_NAME``."""


def needs_details(chosen: Sequence[str]) -> bool:
    """Return True if chosen columns need the fields of a full record."""
    return not {column.name for column in COLUMNS_IN_FULL}.union({"usage", "citations"}).isdisjoint(chosen)


def input_columns(names: Sequence[str]) -> list[ExportColumn]:
    """Return the columns for those of the input; one with the name of a fixed column is named ``input_NAME``."""
    return [ExportColumn(_free_name(name, "input", names), str, name, "columns") for name in names]


def property_columns(properties: Iterable[SchemaProperty], others: Iterable[str] = ()) -> list[ExportColumn]:
    """Return the columns for the properties of some schemas, a column for each name.

    One with the name of a fixed column or of one of ``others`` is named ``data_NAME``.
    """
    kinds = dict[str, type[str] | type[int] | type[float] | type[bool]]()
    for one in properties:
        kinds[one.name] = common_type(kinds[one.name], one.type) if one.name in kinds else one.type
    taken = frozenset(others)
    return [
        ExportColumn(_free_name(name, "data", kinds.keys() | taken, taken), kind, name, "data")
        for name, kind in kinds.items()
    ]


class Table:
    """Columns of an export and the values of its records.

    The columns are settled when they are first needed. The export reads its jobs then, so both come from the same
    snapshot, even if another process ingests a file with another schema meanwhile.
    """

    def __init__(self, recorder: RecordBuilder, chosen: Sequence[str] = ()) -> None:
        self._scope: Scope | None = None
        self._recorder = recorder
        self._chosen = chosen
        self._columns: tuple[ExportColumn, ...] | None = None
        self._values: Callable[[Record], list[Json]] = values_of(())

    def begin(self, scope: Scope) -> None:
        """Set the scope of the export, which determines the schemas."""
        self._scope = scope

    @property
    def columns(self) -> tuple[ExportColumn, ...]:
        """The columns in their order. Raises WrongUseError if a chosen column does not exist."""
        if self._columns is None:
            of_input = self._of_input()
            self._columns = self._choose([*of_input, *self._of_schemas([column.name for column in of_input])])
            self._values = values_of(self._columns)
        return self._columns

    def values(self, record: Record) -> list[Json]:
        """Return the values of a record in the order of the columns. Raises WrongUseError as ``columns`` does."""
        return self._values(record) if self.columns else []

    def row(self, record: Record) -> Record:
        """Return an object with the values of a record by column. Raises WrongUseError as ``columns`` does."""
        return dict(zip((column.name for column in self.columns), self.values(record), strict=True))

    def _prompts(self) -> Sequence[Prompt]:
        return self._recorder.records.prompts(self._scope) if self._scope is not None else []

    def _uses_tools(self) -> bool:
        return any(prompt.param("tools") for prompt in self._prompts())

    def _of_input(self) -> list[ExportColumn]:
        return input_columns(self._recorder.records.column_names(self._scope)) if self._scope is not None else []

    def _of_schemas(self, others: Sequence[str]) -> list[ExportColumn]:
        schemas = [prompt.schema for prompt in self._prompts()]
        properties = [one for schema in schemas if schema is not None for one in schema_properties(schema)]
        return property_columns(properties, others)

    def _choose(self, of_this: Sequence[ExportColumn]) -> tuple[ExportColumn, ...]:
        if not self._chosen:
            rest = columns(full=self._recorder.is_full)[len(COLUMNS) :]
            return (*COLUMNS, *of_this, *rest, *([CITATIONS] if rest and self._uses_tools() else []))
        known = {column.name: column for column in (*COLUMNS, *of_this, *COLUMNS_IN_FULL, *WHOLE_PARTS)}
        unknown = [name for name in self._chosen if name not in known]
        if unknown:
            raise WrongUseError(f"there is no column {unknown[0]!r}; choose from: {', '.join(known)}.")
        return tuple(known[name] for name in self._chosen)


def _free_name(name: str, prefix: str, taken: Collection[str], others: Collection[str] = ()) -> str:
    if name and name not in FIXED_NAMES and name not in others:
        return name
    free = f"{prefix}_{name}"
    while free in taken or free in FIXED_NAMES:
        free = f"{prefix}_{free}"
    return free
