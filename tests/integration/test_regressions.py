"""A night is judged by what MLflow holds, marked there, and told by mail and to a webhook."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.sweeps import end_sweep, figures, store_cell, store_sweep
from sweep.nightly.conclusion import conclude
from sweep.nightly.second_look import Ended
from sweep.nightly.settings import composed, read_nightly
from sweep.nightly.verdict import judge
from sweep.tracking import names
from sweep.tracking.read import sweep_run
from sweep.tracking.store import Store, open_store

CELLS = (("2", "relu"), ("4", "relu"), ("4", "leakyrelu"))
LATENCY = "npu/ethos_u55/latency_ms"


@pytest.fixture
def store(home: Path) -> Store:
    return open_store(home, "npu-sweep")


def store_night(store: Store, number: int, *, tags: dict[str, str] | None = None, **worse: float) -> None:
    """A night of three cells; `worse` are figures of the second one."""
    sweep_id = f"night{number}"
    parent = store_sweep(store, sweep_id=sweep_id)
    listed = []
    for index, (level, act) in enumerate(CELLS):
        noise = 0.004 * ((number * (index + 2)) % 5 - 2)
        summary = figures(0.7 + noise, **{LATENCY: 4.0 + index, names.TRAIN_TIME: 60.0 + number % 3})
        if index == 1:
            summary |= {name.replace("__", "/"): value for name, value in worse.items()}
        listed.append(
            store_cell(
                store, parent, f"yolo11n-l{level}-{act}-s0", sweep_id=sweep_id, summary=summary,
                params={"level": level, "act": act, "recipe.epochs": 15},
                tags={names.DATA_DIGEST: "aaa", f"{names.VERSION_PREFIX}torch": "2.1"} | (tags or {}),
            )
        )  # fmt: skip
    end_sweep(store, parent, listed, sweep_id=sweep_id)


def test_nights_of_which_the_last_is_worse(store: Store) -> None:
    for number in range(8):
        store_night(store, number)
        verdict = judge(store, sweep_run(store, f"night{number}"))
        assert not verdict.regressions, verdict.lines()
        assert verdict.judged == (3 if number >= 5 else 0)
    changed = {names.DATA_DIGEST: "bbb", f"{names.VERSION_PREFIX}torch": "2.2"}
    store_night(store, 8, tags=changed, best__mAP50=0.6, **{LATENCY.replace("/", "__"): 6.0})

    run = sweep_run(store, "night8")
    verdict = judge(store, run)

    cell = "yolo11n-l4-relu-s0"
    assert {(one.finding.cell, one.finding.metric) for one in verdict.regressions} == {
        (cell, "best/mAP50"),
        (cell, LATENCY),
    }
    assert verdict.suspects == {cell: ["data set: aaa → bbb", "torch: 2.1 → 2.2"]}
    text = "\n".join(verdict.lines())
    assert "Regression in 1 cell:" in text
    assert "best/mAP50 0.6, usually 0.69" in text and "data set: aaa → bbb" in text
    marked = json.loads(store.client.get_run(run.run_id).data.tags[names.REGRESSION])
    assert [finding["metric"] for finding in marked] == [one.finding.metric for one in verdict.regressions]
    assert store.client.get_run(sweep_run(store, "night7").run_id).data.tags[names.REGRESSION] == "[]"


def test_suspects_are_what_changed_since_the_cell_was_as_usual(store: Store) -> None:
    """A fall that stays keeps its suspects: the nights between were worse, too."""
    for number in range(8):
        store_night(store, number)
    for number in (8, 9):
        store_night(store, number, tags={names.DATA_DIGEST: "bbb"}, best__mAP50=0.6)
        verdict = judge(store, sweep_run(store, f"night{number}"))
        assert verdict.suspects == {"yolo11n-l4-relu-s0": ["data set: aaa → bbb"]}


def test_very_many_regressions_fit_into_the_tag(store: Store) -> None:
    many = [f"npu/target{number}/latency_ms" for number in range(60)]
    for number in range(7):
        store_night(store, number, **{metric.replace("/", "__"): 9.0 if number == 6 else 4.0 for metric in many})
    run = sweep_run(store, "night6")
    assert len(judge(store, run).regressions) == 60
    marked = json.loads(store.client.get_run(run.run_id).data.tags[names.REGRESSION])
    assert 10 < len(marked) < 60
    assert marked[-1] == {"left_out": 61 - len(marked)}


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    """An address for JSON, and what came there."""
    came: list[Any] = []

    class Sink(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/hook", came
    server.shutdown()


@pytest.fixture
def mailbox() -> Iterator[tuple[str, list[Any]]]:
    """An address for mail, and what came there."""
    pytest.importorskip("aiosmtpd")
    from aiosmtpd.controller import Controller

    came: list[Any] = []

    class Sink:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
            came.append(envelope.content.decode("utf-8", "replace"))
            return "250 OK"

    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = int(bound.getsockname()[1])
    controller = Controller(Sink(), hostname="127.0.0.1", port=port)
    controller.start()
    yield f"mailto://127.0.0.1:{port}?from=night@example.org&to=desk@example.org&mode=insecure", came
    controller.stop()


def test_it_is_told_by_mail_and_to_a_webhook(
    store: Store, home: Path, webhook: tuple[str, list[Any]], mailbox: tuple[str, list[Any]],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    pytest.importorskip("apprise")
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        store_night(store, number)
    store_night(store, 8, best__mAP50=0.6)
    (hook, posted), (mail, mails) = webhook, mailbox
    config = composed([f"home={home}", f"nightly.notify=['{hook}','{mail}']"])
    addresses = read_nightly(config).addresses
    assert addresses == (hook, mail)
    said: list[str] = []

    assert conclude(config, addresses, Ended(0, "night7", over=False), said.append) == 0
    assert not posted and not mails, "nothing has become worse: nobody is told"
    assert conclude(config, addresses, Ended(0, "night8", over=False), said.append) == 3
    assert said[-1] == "A message was sent."
    (message,) = posted
    assert "regression" in message["title"]
    assert "yolo11n-l4-relu-s0: best/mAP50 0.6, usually 0.69" in message["message"]
    assert "http://127.0.0.1:5000/#/experiments/" in message["message"]
    assert len(mails) == 1 and "regression" in mails[0]

    assert conclude(config, addresses, Ended(1, "night8", over=False), said.append) == 1
    assert "exit code 1" in posted[-1]["title"], "1 wins over 3"


def test_somebody_who_cannot_be_reached_changes_no_code(
    store: Store, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("apprise")
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    config = composed([f"home={home}"])
    assert conclude(config, ["json://127.0.0.1:9/hook"], Ended(1, None, over=False), said.append) == 1
    assert said == ["The message could not be sent to all addresses of nightly.notify."]


def test_an_address_that_is_none_is_refused_without_its_secret(sweep: Callable[..., Any], home: Path) -> None:
    pytest.importorskip("apprise")
    ended = sweep("nightly", "run", "nightly.notify=[nosuch://geheim@host]", f"home={home}")
    assert ended.returncode == 2
    assert "nosuch://…" in ended.stderr
    assert "geheim" not in ended.stdout + ended.stderr
