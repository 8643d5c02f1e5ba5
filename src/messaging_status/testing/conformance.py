# SPDX-License-Identifier: Apache-2.0
"""The suite that every plugin has to pass: one test for each row and rule, reader, refine function and golden vector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from messaging_status.catalogue import Channel
from messaging_status.documents import MAX_BODY_LENGTH, json_value
from messaging_status.errors import MessagingStatusError
from messaging_status.host import Host
from messaging_status.lint import Rule, Subject, check, rules_for, subjects
from messaging_status.model import RawStatus, TextReader
from messaging_status.testing import hostile
from messaging_status.testing.golden import FILE, Vector, answers, as_toml, differences, read_vectors
from messaging_status.testing.kit import Kit, ReaderOf, kit_of
from messaging_status.testing.probe import Broken, Leaked, Probe, Slow, heard, reading_only
from messaging_status.testing.reach import text_for, unreached
from messaging_status.testing.work import large_documents, long_texts, strained

__all__ = ["TestConformance"]

_EXAMPLES: Final = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
_MAX_BODIES: Final = 3
"""Documents of golden vectors that are strained; the others mostly have the same shape."""


class TestConformance:
    """What every plugin has to hold; import it into a test module of the plugin."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each row and rule, each vector, each reader and each refine function."""
        name = next((name for name in metafunc.fixturenames if name in _PARAMETERS), None)
        if name is None:
            return
        try:
            found = list(_PARAMETERS[name](kit_of(metafunc.config), metafunc.definition.path.parent))
        except MessagingStatusError as error:
            raise pytest.Collector.CollectError(str(error)) from None
        nothing = pytest.mark.skip(reason=f"this distribution has no {name}")
        metafunc.parametrize(name, found or [pytest.param(None, id="none", marks=nothing)])

    def test_it_loads_alone(self, pytestconfig: pytest.Config) -> None:
        """Its plugins load by themselves, and nothing is wrong with them."""
        problems: Sequence[str] = ()
        try:
            Host.load(kit_of(pytestconfig).settings, strict=True)
        except MessagingStatusError as error:
            problems = error.problems
        _fail(problems)

    def test_it_loads_beside_what_is_installed(self, pytestconfig: pytest.Config) -> None:
        """Its plugins load beside all others, and no name of theirs is taken twice."""
        kit = kit_of(pytestconfig)
        ours = {file.catalogue.full_name for file in kit.files}
        _fail(
            line
            for failure in kit.beside.failures
            if failure.plugin in kit.names or ours.intersection(failure.channels)
            for line in failure.lines
        )

    def test_table(self, checked: tuple[Rule, Subject], pytestconfig: pytest.Config) -> None:
        """A channel, a row or a range is as one of the rules of ``messaging_status.lint`` asks."""
        rule, subject = checked
        _fail(check(rule, subject, kit_of(pytestconfig).everything))

    def test_every_meaning_is_reached(self, row: Subject, request: pytest.FixtureRequest) -> None:
        """Something is decoded to what a row says, by its code and by each alias, and to what each variant says."""
        kit, name = kit_of(request.config), row.file.catalogue.full_name
        is_refined = any(
            plugin.refines or any(channel.refine and channel.catalogue.full_name == name for channel in plugin.channels)
            for plugin in kit.host.plugins
        )
        _fail(unreached(kit.host, row, read_vectors(request.path.parent), is_refined=is_refined))

    def test_golden_vector(self, vector: Vector, status_host: Host) -> None:
        """Exactly what a vector expects is put on its record."""
        said = status_host.enrich(vector.attributes, vector.body, resource=vector.resource)
        if problems := differences(vector, said):
            _fail([f"{vector.place}: vector {vector.name!r}:", *(f"  {problem}" for problem in problems)])

    def test_channel_has_a_golden_vector(
        self, channel: Channel, status_host: Host, request: pytest.FixtureRequest
    ) -> None:
        """At least one vector shows what a channel answers."""
        catalogue = channel.catalogue
        if any(answers(vector, catalogue) for vector in read_vectors(request.path.parent)):
            return
        code = next(iter(catalogue.rows), next((series.first for series in catalogue.series), "0"))
        names = ("messaging.system", "messaging.channel", "messaging.delivery.code")
        attributes = dict(zip(names, (catalogue.system, catalogue.channel, code), strict=True))
        example = as_toml(f"{catalogue.channel} {code}", attributes, status_host.enrich(attributes))
        what = f"no vector in {FILE} beside the tests shows what {catalogue.full_name} answers; add one, for example"
        _fail([f"{what} (what is answered now, so read it before you believe it):", example])

    def test_reader_has_a_golden_vector(self, reader: ReaderOf, request: pytest.FixtureRequest) -> None:
        """At least one vector has something that a reader reads."""
        if not _read_by(reader, request):
            what = f"no vector in {FILE} beside the tests has a body that the reader {reader.label} finds a status in"
            _fail([f"{what}; add one with {' or '.join(map(repr, reader.sought[:6]))}, without anybody's real data"])

    def test_reader_holds(self, reader: ReaderOf, request: pytest.FixtureRequest) -> None:
        """A reader takes any input: it raises nothing, answers raw statuses only, changes nothing."""
        kit = kit_of(request.config)
        vectors = _read_by(reader, request)
        around = hostile.around([channel.catalogue for channel in kit.host.channels])
        with heard() as everything:
            probe = Probe(reading_only(kit.host.plugins, reader.reader), everything)
            for bodies in _hostile(reader, [_content(vector) for vector in vectors]):
                records = st.tuples(around, bodies)
                _for_all(records, lambda record: probe.enrich(*record))

    def test_reader_passes_no_personal_data_on(self, reader: ReaderOf, request: pytest.FixtureRequest) -> None:
        """What stands in the texts that a reader reads is neither put on a record nor logged."""
        vectors = _read_by(reader, request)
        if not vectors:
            pytest.skip("no golden vector has a body that it reads, as test_reader_has_a_golden_vector says")
        with heard() as everything:
            probe = Probe(reading_only(kit_of(request.config).host.plugins, reader.reader), everything)
            for vector in vectors:
                for body in hostile.planted(_content(vector)):
                    _judge(partial(probe.enrich, vector.attributes, body, vector.resource), Leaked)

    def test_reader_holds_large_input(self, reader: ReaderOf, request: pytest.FixtureRequest) -> None:
        """The largest input that the host hands over makes a reader raise nothing, and takes no longer than it must."""
        kit = kit_of(request.config)
        vectors = _read_by(reader, request)[:_MAX_BODIES]
        with heard() as everything:
            probe = Probe(reading_only(kit.host.plugins, reader.reader), everything)
            for attributes, body in _large(reader, vectors):
                _judge(partial(probe.enrich, attributes, body))

    def test_refine_holds(self, refining: Sequence[Channel], pytestconfig: pytest.Config) -> None:
        """A refine function takes any raw status, raises nothing, and passes nothing on that could be somebody's."""
        catalogues = [channel.catalogue for channel in refining]
        with heard() as everything:
            probe = Probe(kit_of(pytestconfig).host.plugins, everything)
            _for_all(hostile.raw_statuses(catalogues), probe.decode)

    def test_channel_holds_long_texts(self, channel: Channel, pytestconfig: pytest.Config) -> None:
        """The patterns of a table and the refine function take no longer for a long text than they must."""
        catalogue = channel.catalogue
        with heard() as everything:
            probe = Probe(kit_of(pytestconfig).host.plugins, everything)
            for code, sample in _samples(channel):
                for text in long_texts(sample):
                    raw = RawStatus(
                        code=code, system=catalogue.system, channel=catalogue.channel, reason=text[:100], text=text
                    )
                    _judge(partial(probe.decode, raw), Slow)


def _tables(kit: Kit, folder: Path) -> Iterator[Any]:  # noqa: ARG001 - as all parameters
    for file in kit.files:
        name = kit.named(file.catalogue.system, file.catalogue.channel)
        for subject in subjects(file):
            for rule in rules_for(subject):
                label = "-".join(filter(None, (name, subject.label, rule.name)))
                yield pytest.param((rule, subject), id=label)


def _rows(kit: Kit, folder: Path) -> Iterator[Any]:  # noqa: ARG001 - as all parameters
    for file in kit.files:
        name = kit.named(file.catalogue.system, file.catalogue.channel)
        yield from (pytest.param(one, id=f"{name}-{one.label}") for one in subjects(file) if one.label)


def _vectors(kit: Kit, folder: Path) -> Iterator[Any]:  # noqa: ARG001 - as all parameters
    return (pytest.param(vector, id=vector.name) for vector in read_vectors(folder))


def _channels(kit: Kit, folder: Path) -> Iterator[Any]:  # noqa: ARG001 - as all parameters
    for channel in kit.host.channels:
        yield pytest.param(channel, id=kit.named(channel.catalogue.system, channel.catalogue.channel))


def _readers(kit: Kit, folder: Path) -> Iterator[Any]:  # noqa: ARG001 - as all parameters
    return (pytest.param(reader, id=reader.label) for reader in kit.readers)


def _refining(kit: Kit, folder: Path) -> Iterator[Any]:  # noqa: ARG001 - as all parameters
    for plugin in kit.host.plugins:
        for channel in plugin.channels:
            if channel.refine is not None:
                yield pytest.param((channel,), id=kit.named(channel.catalogue.system, channel.catalogue.channel))
        if plugin.refines is not None:
            yield pytest.param((kit.host.channels or kit.beside.channels), id=plugin.name)


_PARAMETERS: Final[Mapping[str, Callable[[Kit, Path], Iterator[Any]]]] = {
    "checked": _tables,
    "row": _rows,
    "vector": _vectors,
    "channel": _channels,
    "reader": _readers,
    "refining": _refining,
}
"""What tests are made of, by the name of the argument."""


def _read_by(reader: ReaderOf, request: pytest.FixtureRequest) -> list[Vector]:
    """The vectors of the test's folder that a reader finds a status in."""
    plugins = reading_only(kit_of(request.config).host.plugins, reader.reader)
    with heard() as everything:
        probe, found = Probe(plugins, everything), []
        for vector in read_vectors(request.path.parent):
            before = probe.found
            with suppress(Broken):
                probe.enrich(vector.attributes, vector.body, vector.resource)
            if probe.found > before:
                found.append(vector)
    return found


def _content(vector: Vector) -> Any:
    """What a vector's body holds: that of JSON text, the text itself, or the attributes of a record without a body."""
    if vector.body is None:
        return vector.attributes
    found = json_value(vector.body) if isinstance(vector.body, str) else None
    return vector.body if found is None else found


def _hostile(reader: ReaderOf, contents: Sequence[Any]) -> Iterator[st.SearchStrategy[Any]]:
    """Input for a reader: made up, and from what golden vectors hold."""
    if isinstance(reader.reader, TextReader):
        yield hostile.texts(reader.sought)
        if texts := [content for content in contents if isinstance(content, str)]:
            yield hostile.mutated_texts(texts)
        return
    words = {
        key for content in contents for place, _ in hostile.leaves(content) for key in place if isinstance(key, str)
    }
    yield hostile.documents(reader.sought, sorted(words))
    if contents:
        yield hostile.mutated(contents)


def _large(reader: ReaderOf, vectors: Sequence[Vector]) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Input for a reader that is as large as it gets, with the attributes around it."""
    contents = [_content(vector) for vector in vectors]
    if isinstance(reader.reader, TextReader):
        for sample in (*reader.sought[:3], *(content for content in contents if isinstance(content, str))):
            yield from (({}, f"{reader.sought[0]} {text}"[:MAX_BODY_LENGTH]) for text in long_texts(sample))
        return
    yield from (({}, body) for body in large_documents(reader.sought, contents))
    yield from (({}, body) for body in strained(dict.fromkeys(reader.sought[:2], "x")))
    for vector, content in zip(vectors, contents, strict=True):
        yield from ((vector.attributes, body) for body in strained(content))


def _samples(channel: Channel) -> Iterator[tuple[str, str]]:
    """Codes, each with a text that something looks at: a pattern of the table, or a refine function."""
    rows = channel.catalogue.rows
    for code, row in rows.items():
        for pattern in (row.parameter, *(variant.text for variant in row.variant)):
            if pattern is not None:
                yield code, text_for(pattern, bool) or ""
    if channel.refine is not None:
        yield from ((code, "") for code in (*list(rows)[:2], "0"))


def _for_all(inputs: st.SearchStrategy[Any], judge: Callable[[Any], None]) -> None:
    """Judge some inputs, always the same; what is wrong with the smallest of them fails the test."""
    _judge(_EXAMPLES(given(inputs)(judge)))


def _judge(call: Callable[[], None], kind: type[Broken] = Broken) -> None:
    """Fail with what a check says is wrong, if it is of that kind."""
    problems = []
    try:
        call()
    except Broken as broken:
        problems += [str(broken)] if isinstance(broken, kind) else []
    _fail(problems)


def _fail(problems: Iterable[str]) -> None:
    """Fail with what is wrong, if anything is."""
    if found := list(problems):
        pytest.fail("\n".join(found), pytrace=False)
