# SPDX-License-Identifier: Apache-2.0
"""A user's own rows over the catalogues, and read again while running."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from messaging_status import Host, MessagingStatusError, Origin, PluginError, RawStatus, Settings, read_settings
from tests.conftest import InstallPlugin

HEAD = 'system = "webex_connect"\nchannel = "{}"\n'
NEW = '[status.7999]\ndescription = "Ours"\noutcome = "failed"\ncategory = "blocked"\nseverity = "WARN"\n'


@pytest.fixture
def overlay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes an overlay of a channel, and answers its name in the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, rows: str, channel: str = "sms") -> str:
        # As deployments do it: nobody sees half a file, and every version is another file.
        Path(f"{name}.new").write_text(HEAD.format(channel) + rows)
        Path(f"{name}.new").replace(name)
        return name

    return write


def loaded(*overlays: str, **more: Any) -> Host:
    return Host.load({"overlays": list(overlays), **more}, strict=True)


def problems_of(*overlays: str, **more: Any) -> tuple[str, ...]:
    with pytest.raises(PluginError) as caught:
        loaded(*overlays, **more)
    return caught.value.problems


class TestRows:
    def test_a_row_says_only_what_differs(self, overlay: Any, host: Host) -> None:
        changed = loaded(overlay("a.toml", "[status.7206]\nretryable = false\n"))
        raw = RawStatus(code="7206", channel="sms")
        before, after = host.decode(raw), changed.decode(raw)
        assert (before.retryable, after.retryable) == (True, False)
        assert (after.description, after.advice, after.fault) == (before.description, before.advice, before.fault)
        assert changed.decode(RawStatus(code="7206", channel="mms")) == host.decode(
            RawStatus(code="7206", channel="mms")
        )

    def test_a_new_row_is_as_good_as_any(self, overlay: Any) -> None:
        status = loaded(overlay("a.toml", NEW)).decode(RawStatus(code="7999", channel="SMS"))
        assert (status.description, status.channel, status.category) == ("Ours", "sms", "blocked")

    def test_an_inherited_row_is_changed_on_that_channel_alone(self, overlay: Any) -> None:
        changed = loaded(overlay("a.toml", '[status.7000]\nseverity = "FATAL"\n'))
        assert changed.decode(RawStatus(code="7000", channel="sms")).severity == "FATAL"
        assert changed.decode(RawStatus(code="7000", channel="email")).severity == "ERROR"

    def test_a_change_of_common_rows_reaches_those_who_extend_them(self, overlay: Any) -> None:
        ours = overlay("sms.toml", '[status.7000]\ndescription = "On SMS"\n')
        common = overlay("common.toml", '[status.7000]\nseverity = "FATAL"\n', "common")
        changed = loaded(ours, common)
        for channel, description in (("email", "Invalid JSON"), ("sms", "On SMS")):
            status = changed.decode(RawStatus(code="7000", channel=channel))
            assert (status.severity, status.description) == ("FATAL", description)

    def test_a_number_of_a_range_gets_a_row_of_its_own(self, overlay: Any, host: Host) -> None:
        holder = next(c.catalogue for c in host.channels if c.catalogue.series)
        series = holder.series[0]
        code = next(c for c in map(str, range(int(series.first), int(series.last))) if c not in holder.rows)
        changed = loaded(overlay("a.toml", f'[status.{code}]\nadvice = "Ask us."\n', holder.channel))
        status = changed.decode(RawStatus(code=code, channel=holder.channel))
        assert (status.advice, status.description) == ("Ask us.", series.description)

    def test_a_variant_that_matches_the_same_is_changed_and_a_new_one_comes_first(self, overlay: Any) -> None:
        rows = (
            '[[status.7520.variant]]\nreason = "transient mailbox-full"\nretryable = false\n'
            '[[status.7520.variant]]\nreason = "Ours"\ndescription = "Bounced: ours"\n'
        )
        changed = loaded(overlay("a.toml", rows, "email"))
        full = changed.decode(RawStatus(code="7520", channel="email", reason="Transient_MailboxFull"))
        assert (full.retryable, full.description) == (False, "Bounced: mailbox full")
        assert changed.decode(RawStatus(code="7520", channel="email", reason="ours")).description == "Bounced: ours"

    def test_a_variant_of_one_spelling_changes_the_one_that_has_it(self, overlay: Any, host: Host) -> None:
        rows = '[[status.7520.variant]]\nreason = "Undetermined"\nadvice = "Ours."\n'
        raw = RawStatus(code="7520", channel="email", reason="Undetermined")
        before, after = host.decode(raw), loaded(overlay("a.toml", rows, "email")).decode(raw)
        assert (after.description, after.reason, after.advice) == (before.description, before.reason, "Ours.")

    def test_a_narrow_new_variant_comes_before_a_broader_one(self, overlay: Any) -> None:
        rows = '[[status.7520.variant]]\nreason = "Transient_MailboxFull"\norigin = "receipt"\ndescription = "Ours"\n'
        changed = loaded(overlay("a.toml", rows, "email"))
        raw = RawStatus(code="7520", channel="email", reason="Transient_MailboxFull", origin=Origin.RECEIPT)
        assert changed.decode(raw).description == "Ours"

    def test_a_broad_new_variant_hides_no_narrow_one(self, overlay: Any) -> None:
        rows = '[[status.7520.variant]]\ndelivery_status = "Bounce"\ndescription = "Ours"\n'
        changed = loaded(overlay("a.toml", rows, "email"))

        def described(reason: str | None) -> str | None:
            raw = RawStatus(code="7520", channel="email", reason=reason, delivery_status="Bounce")
            return changed.decode(raw).description

        assert (described("Transient_MailboxFull"), described(None)) == ("Bounced: mailbox full", "Ours")

    def test_a_row_that_is_inherited_stays_known_where_no_channel_is_named(self, overlay: Any, host: Host) -> None:
        changed = loaded(overlay("a.toml", '[status.9000]\nadvice = "Ours."\n'))
        raw = RawStatus(code="9000", system="webex_connect")
        assert changed.decode(raw) == host.decode(raw)
        assert host.decode(raw).is_known

    def test_records_and_the_command_line_see_it(self, overlay: Any) -> None:
        changed = loaded(overlay("a.toml", NEW))
        assert changed.enrich({"messaging.channel": "sms", "messaging.status.code": 7999})["error.type"] == "blocked"
        (sms,) = (c.catalogue for c in changed.channels if c.catalogue.channel == "sms")
        assert sms.rows["7999"].description == "Ours"

    def test_refining_goes_on(self, overlay: Any, install: InstallPlugin) -> None:
        source = (
            "from messaging_status import hookimpl\nfrom msgspec.structs import replace\n"
            "@hookimpl\ndef messaging_status_refine(raw, status):\n"
            "    return replace(status, fault='operator')\n"
        )
        install("rules", source)
        status = loaded(overlay("a.toml", NEW)).decode(RawStatus(code="7999", channel="sms"))
        assert (status.description, status.fault) == ("Ours", "operator")

    def test_paths_start_at_the_settings_file(self, overlay: Any, tmp_path: Path) -> None:
        overlay("a.toml", NEW)
        (tmp_path / "here").mkdir()
        (tmp_path / "here" / "settings.toml").write_text('overlays = ["../a.toml"]')
        host = Host.load(read_settings(tmp_path / "here" / "settings.toml"), strict=True)
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known


class TestWhatIsSaid:
    def test_every_change_has_its_place_and_both_values(self, overlay: Any) -> None:
        rows = '[status.7206]\nretryable = false\n[[status.7206.variant]]\nreason = "x"\nfault = "operator"\n' + NEW
        assert [str(edit) for edit in loaded(overlay("a.toml", rows)).edits] == [
            "a.toml:4: sms 7206: retryable: true → false",
            "a.toml:7: sms 7206 with reason x: fault: 'recipient' → 'operator'",
            "a.toml:9: sms 7999: description: - → 'Ours'",
            "a.toml:10: sms 7999: outcome: - → 'failed'",
            "a.toml:11: sms 7999: category: - → 'blocked'",
            "a.toml:12: sms 7999: severity: - → 'WARN'",
        ]

    @pytest.mark.parametrize(
        ("rows", "remark"),
        [
            (
                "[status.7206]\nretryable = true\n",
                "a.toml:4: sms 7206: retryable: is true already, so this changes nothing",
            ),
            ("[status.7206]\n", "a.toml:3: status.7206: says nothing, so it changes nothing"),
            (
                '[[status.7206.variant]]\nreason = "x"\n',
                "a.toml:3: status.7206.variant[0]: says only what it matches, so it changes nothing",
            ),
        ],
    )
    def test_what_changes_nothing_is_no_mistake_but_said(
        self, overlay: Any, rows: str, remark: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        host = loaded(overlay("a.toml", rows))
        assert (host.remarks, host.edits) == ((remark,), ())
        assert [record.getMessage() for record in caplog.records] == [remark]

    def test_a_channel_that_is_blocked_is_no_mistake_but_said(self, overlay: Any) -> None:
        host = loaded(overlay("a.toml", NEW), plugins={"blocked": ["webex_connect.sms"]})
        assert host.remarks == (
            "a.toml:2: channel: webex_connect.sms is installed but not in use, so nothing is changed",
        )

    @pytest.mark.parametrize(
        ("rows", "channel", "problem"),
        [
            (
                NEW,
                "smms",
                "a.toml:2: channel: 'webex_connect.smms' is not installed; did you mean 'webex_connect.sms'?",
            ),
            (
                '[status.7999]\ndescription = "Ours"\nseverity = "WARN"\n',
                "sms",
                "a.toml:3: status.7999: sms has no such code yet; a new row also needs outcome, category",
            ),
            (
                '[status.7206]\nretryable = "no"\n',
                "sms",
                "a.toml:4: status.7206.retryable: 'no' is not true, false or 'unknown'",
            ),
            ('source = "x"\n', "sms", "a.toml:3: source: 'source' is not a key here; expected one of"),
            ("[[status.7206.variant]]\n", "sms", "a.toml:3: status.7206.variant[0]: matches nothing; give it one of"),
            ('[status.7206]\nparameter = "x"\n', "sms", "a.toml:4: status.7206.parameter: 'x' is not a regular expr"),
            ("[status", "sms", "a.toml: not valid TOML"),
            ("[[range]]\n", "sms", "a.toml:3: range: 'range' is not a key here"),
        ],
    )
    def test_a_mistake_has_file_line_and_key(self, overlay: Any, rows: str, channel: str, problem: str) -> None:
        (found,) = problems_of(overlay("a.toml", rows, channel))
        assert found.startswith(problem)

    def test_a_missing_file_is_a_mistake(self, overlay: Any) -> None:
        assert problems_of("none.toml") == ("none.toml: cannot be read: No such file or directory",)

    def test_two_that_differ_on_a_field_are_a_conflict(self, overlay: Any) -> None:
        first = overlay("a.toml", "[status.7206]\nretryable = false\n")
        second = overlay("b.toml", '[status.7206]\nretryable = true\nadvice = "Ours."\n')
        same = overlay("c.toml", "[status.7206]\nretryable = false\n")
        assert problems_of(first, second) == (
            "b.toml:4: sms 7206: retryable: sets true, but a.toml:4 sets false; take one of them out",
        )
        assert loaded(first, same).remarks == (
            "c.toml:4: sms 7206: retryable: is false already, so this changes nothing",
        )

    def test_a_conflict_is_one_in_every_order_and_also_with_what_changes_nothing(self, overlay: Any) -> None:
        same = overlay("a.toml", "[status.7206]\nretryable = true\n")
        other = overlay("b.toml", "[status.7206]\nretryable = false\n")
        for first, second in ((same, other), (other, same)):
            (problem,) = problems_of(first, second)
            assert problem.startswith(f"{second}:4: sms 7206: retryable: sets ")

    def test_variants_that_match_other_things_are_no_conflict(self, overlay: Any) -> None:
        first = overlay("a.toml", '[[status.7206.variant]]\nreason = "Expired"\nfault = "operator"\n')
        second = overlay("b.toml", '[[status.7206.variant]]\ndelivery_status = "Expired"\nfault = "sender"\n')
        host = loaded(first, second)
        assert host.decode(RawStatus(code="7206", channel="sms", reason="expired")).fault == "operator"
        assert host.decode(RawStatus(code="7206", channel="sms", delivery_status="expired")).fault == "sender"

    def test_a_row_of_a_channel_that_is_blocked_is_no_mistake_but_said(self, overlay: Any) -> None:
        name = overlay("a.toml", '[status.7000]\nadvice = "Ours."\n' + NEW)
        host = loaded(name, plugins={"blocked": ["webex_connect.common"]})
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known
        assert host.remarks == (
            "a.toml:3: status.7000: is left out: it may be a row of webex_connect.common, which is not in use",
        )

    def test_a_path_that_is_none_is_a_mistake(self, overlay: Any, tmp_path: Path) -> None:
        assert problems_of("a\0.toml") == ("a\0.toml: cannot be read: embedded null byte",)
        assert problems_of(str(tmp_path)) == (f"{tmp_path}: cannot be read: not a file",)
        os.mkfifo(tmp_path / "pipe")
        assert problems_of("pipe") == ("pipe: cannot be read: not a file",)
        (tmp_path / "latin").write_bytes(b"\xe9")
        assert problems_of("latin")[0].startswith("latin: cannot be read: 'utf-8' codec can't decode byte 0xe9")

    def test_a_byte_order_mark_is_no_mistake(self, overlay: Any, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbf" + (HEAD.format("sms") + NEW).encode())
        assert loaded("a.toml").decode(RawStatus(code="7999", channel="sms")).is_known

    def test_a_sender_starts_without_the_broken_one(self, overlay: Any, caplog: pytest.LogCaptureFixture) -> None:
        broken = overlay("a.toml", '[status.7206]\nretryable = "no"\n')
        host = Host.load({"overlays": [broken, overlay("b.toml", NEW)]})
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known
        assert host.decode(RawStatus(code="7206", channel="sms")).retryable is True
        (record,) = caplog.records
        assert (record.levelno, record.getMessage()[:45]) == (
            logging.ERROR,
            "left out: a.toml:4: status.7206.retryable: 'n",
        )


class TestReload:
    def test_a_new_version_holds_after_the_next_look(self, overlay: Any) -> None:
        host = loaded(overlay("a.toml", ""))
        assert host.refresh() is False
        overlay("a.toml", NEW)
        assert host.refresh() is True
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known
        overlay("a.toml", "")
        assert host.refresh() is True
        assert not host.decode(RawStatus(code="7999", channel="sms")).is_known

    @pytest.mark.parametrize(
        "broken", ["[status", '[status.7999]\nretryable = "no"\n', "[status.4711]\nretryable = true\n"]
    )
    def test_a_broken_version_keeps_the_last_good_one_and_is_told_once(
        self, overlay: Any, broken: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        host = loaded(overlay("a.toml", NEW))
        overlay("a.toml", broken)
        assert [host.refresh() for _ in range(3)] == [False] * 3
        assert host.decode(RawStatus(code="7999", channel="sms")).description == "Ours"
        (record,) = caplog.records
        assert record.getMessage().startswith("an overlay stays as it was: a.toml:")
        overlay("a.toml", NEW.replace("Ours", "Better"))
        assert host.refresh() is True
        assert host.decode(RawStatus(code="7999", channel="sms")).description == "Better"

    def test_a_file_that_stays_broken_does_not_hold_up_another_one(
        self, overlay: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        host = Host.load({"overlays": [overlay("bad.toml", "[status"), overlay("good.toml", "")]})
        caplog.clear()
        overlay("good.toml", NEW)
        assert host.refresh() is True
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known
        assert caplog.records == []

    def test_of_two_that_come_to_contradict_each_other_the_second_stays_what_it_was(
        self, overlay: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        host = loaded(overlay("a.toml", ""), overlay("b.toml", '[status.7206]\nadvice = "Ours."\n'))
        overlay("a.toml", "[status.7206]\nretryable = false\n" + NEW)
        overlay("b.toml", '[status.7206]\nretryable = true\nadvice = "New."\n')
        assert host.refresh() is False
        status = host.decode(RawStatus(code="7206", channel="sms"))
        assert (status.retryable, status.advice) == (False, "Ours.")
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known
        assert "b.toml:4: sms 7206: retryable: sets true, but a.toml:4 sets false" in caplog.text

    def test_files_are_found_after_the_working_directory_changed(
        self, overlay: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        host = loaded(overlay("a.toml", ""))
        overlay("a.toml", NEW)
        monkeypatch.chdir("/")
        assert host.refresh() is True

    def test_what_changes_nothing_any_more_is_told_once(self, overlay: Any, caplog: pytest.LogCaptureFixture) -> None:
        host = loaded(overlay("a.toml", NEW))
        overlay("a.toml", NEW + "[status.7206]\nretryable = true\n")
        assert [host.refresh(), host.refresh()] == [True, False]
        (record,) = caplog.records
        assert "so this changes nothing" in record.getMessage()

    def test_a_file_that_is_deleted_keeps_the_last_good_one(self, overlay: Any, tmp_path: Path) -> None:
        host = loaded(overlay("a.toml", NEW))
        (tmp_path / "a.toml").unlink()
        assert host.refresh() is False
        assert host.decode(RawStatus(code="7999", channel="sms")).is_known

    def test_a_plugin_that_was_switched_off_stays_off(self, overlay: Any, install: InstallPlugin) -> None:
        install(
            "rules",
            "from messaging_status import hookimpl\n@hookimpl\ndef messaging_status_refine(raw, status):\n    1 / 0\n",
        )
        host = loaded(overlay("a.toml", NEW))
        for _ in range(10):
            host.decode(RawStatus(code="7206", channel="sms"))
        overlay("a.toml", "")
        assert host.refresh() is True
        host.decode(RawStatus(code="7206", channel="sms"))
        assert host.plugin_failures == {"rules.plugin": 5}

    def test_no_record_sees_half_a_table(self, overlay: Any) -> None:
        """Two rows and the rows behind a receipt always come from one version, whatever the other thread does."""

        def version(number: int) -> str:
            texts = f'description = "Version {number}"\nadvice = "Version {number}."\n'
            return f"[status.7206]\n{texts}[status.7208]\n{texts}"

        host = loaded(overlay("a.toml", version(0)))
        seen: set[str] = set()
        torn: list[object] = []
        is_over = threading.Event()

        def read() -> None:
            while not is_over.is_set():
                decoder_saw = host.enrich({}, [{"channel": "sms", "code": "7206"}, {"channel": "sms", "code": "7208"}])
                status = host.decode(RawStatus(code="7206", channel="sms"))
                seen.add(str(status.description))
                if status.advice != f"{status.description}.":
                    torn.append(status)
                if "messaging.status.description" not in decoder_saw:
                    torn.append(decoder_saw)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        try:
            for number in range(1, 26):
                overlay("a.toml", version(number))
                host.refresh()
                assert host.decode(RawStatus(code="7206", channel="sms")).description == f"Version {number}"
        finally:
            is_over.set()
            for reader in readers:
                reader.join()
        assert not torn
        assert len(seen) > 5

    def test_a_thread_of_its_own_looks_every_five_seconds(self, overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        host = loaded(overlay("a.toml", ""))
        overlay("a.toml", NEW)
        started = time.monotonic()
        while not host.decode(RawStatus(code="7999", channel="sms")).is_known:
            assert time.monotonic() - started < 20
            time.sleep(0.05)
        assert time.monotonic() - started > 1

    def test_without_overlays_there_is_no_thread(self) -> None:
        before = set(threading.enumerate())
        Host.load({})
        assert set(threading.enumerate()) <= before

    def test_the_thread_does_not_keep_a_host_alive(self, overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("messaging_status.reload.LOOK_EVERY_S", 0.01)
        before = set(threading.enumerate())
        host = loaded(overlay("a.toml", NEW))
        (thread,) = set(threading.enumerate()) - before
        assert thread.daemon
        del host
        gc.collect()
        thread.join(10)
        assert not thread.is_alive()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_forked_process_looks_too(self, overlay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("messaging_status.reload.LOOK_EVERY_S", 0.05)
        host = loaded(overlay("a.toml", ""))
        with host._refreshing:  # as if the thread was just looking
            child = os.fork()
            if child == 0:
                overlay("a.toml", NEW)
                deadline = time.monotonic() + 10
                while time.monotonic() < deadline and not host.decode(RawStatus(code="7999", channel="sms")).is_known:
                    time.sleep(0.01)
                os._exit(0 if host.decode(RawStatus(code="7999", channel="sms")).is_known else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_settings_take_only_texts() -> None:
    with pytest.raises(MessagingStatusError, match=r"overlays: 'a\.toml' is not a list of texts"):
        Host.load({"overlays": "a.toml"})
    assert Settings(overlays=("a.toml",)).overlays == ("a.toml",)
