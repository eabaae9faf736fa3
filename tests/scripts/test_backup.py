"""The program that keeps copies of databases, with a folder where the tests on the cluster have a bucket."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from cdk8s_mlflow.scripts import backup


@attrs.frozen
class Folder:
    """A place of artifacts as MLflow's clients are: four methods, and paths relative to its root."""

    root: Path

    def log_artifact(self, local_file: str, artifact_path: str) -> None:
        """Copy a file to a folder of the place."""
        target = self.root / artifact_path
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(local_file, target)

    def list_artifacts(self, path: str | None = None) -> list[Any]:
        """Return what is in a folder, by the path from the root."""
        folder = self.root / (path or "")
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return [SimpleNamespace(path=item.relative_to(self.root).as_posix()) for item in found]

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str:
        """Copy a file of the place below a folder, with the folders that it is in."""
        target = Path(dst_path) / artifact_path
        target.parent.mkdir(parents=True)
        return str(shutil.copy(self.root / artifact_path, target))

    def delete_artifacts(self, artifact_path: str) -> None:
        """Remove a folder."""
        shutil.rmtree(self.root / artifact_path)


def write(path: Path, rows: int) -> None:
    """Make a database with a table of runs."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (name TEXT)")
        connection.executemany("INSERT INTO runs VALUES (?)", [(f"run {number}",) for number in range(rows)])
        connection.commit()


def read(path: Path) -> list[str]:
    """Return the runs of a database."""
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM runs")]


@attrs.frozen
class Room:
    """A database, the place of its copies, and the settings that name them."""

    folder: Path
    place: Folder
    settings: dict[str, Any]

    @property
    def database(self) -> Path:
        """The database that is copied, and comes back."""
        return self.folder / "mlflow.db"

    @property
    def scratch(self) -> Path:
        """What the tools see."""
        return self.folder / "scratch" / "backend-store.sqlite"

    def back_up(self) -> str:
        """Copy the database; return the copy's name."""
        self.scratch.unlink(missing_ok=True)
        backup.copy(str(self.database), str(self.scratch))
        backup.store(self.settings)
        return backup.times_in(self.place)[-1]

    def restore(self, wanted: str = "latest") -> None:
        """Bring a copy back."""
        backup.fetch(self.settings, "mlflow", wanted)
        backup.copy(str(self.scratch), str(self.database))
        backup.count(self.settings)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Make a database of three runs, and an empty place for copies; each copy is a second younger than the last."""
    place = Folder(tmp_path / "place")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(backup, "place_of", lambda _settings, _release: place)
    monkeypatch.setenv("URI", f"sqlite:///{tmp_path}/mlflow.db")
    seconds = iter(range(60))
    clock = SimpleNamespace(now=lambda _zone: SimpleNamespace(strftime=lambda _: f"20260101T0000{next(seconds):02}Z"))
    monkeypatch.setattr(backup, "datetime", clock)
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    settings = {
        "release": "mlflow",
        "destination": "s3://unused",
        "keep": 3,
        "scratch": str(tmp_path / "scratch"),
        "server": {"host": "127.0.0.1", "port": port},
        "databases": [{"role": "backend-store", "variable": "URI", "file": "backend-store.sqlite.gz"}],
    }
    made = Room(tmp_path, place, settings)
    write(made.database, 3)
    return made


def test_a_copy_comes_back(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    """What was in the database is in it again, and the log says what."""
    room.back_up()
    room.database.unlink()
    room.restore()
    assert read(room.database) == ["run 0", "run 1", "run 2"]
    assert "backup: backend-store: 1 tables; 3 runs" in capsys.readouterr().out


def test_sha256sum_itself_agrees(room: Room) -> None:
    """A person can verify a copy with what every system has."""
    kept = room.back_up()
    subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=room.place.root / kept, check=True)


def test_a_copy_is_of_one_moment_although_somebody_writes(room: Room) -> None:
    """Two rows that always come together are never seen apart, and the writer is not refused."""
    ended, failures = threading.Event(), []

    def write_pairs() -> None:
        number = 0
        with closing(sqlite3.connect(room.database, timeout=30)) as connection:
            while not ended.is_set():
                try:
                    connection.execute("INSERT INTO runs VALUES (?)", (f"left {number}",))
                    connection.execute("INSERT INTO runs VALUES (?)", (f"right {number}",))
                    connection.commit()
                except sqlite3.Error as error:
                    failures.append(error)
                number += 1
                # SQLite's locks are not fair: somebody who only writes would keep everybody else out.
                ended.wait(0.005)

    writer = threading.Thread(target=write_pairs)
    writer.start()
    copies = []
    for number in range(10):
        target = room.folder / f"copy-{number}"
        backup.copy(str(room.database), str(target))
        copies.append(read(target))
    ended.set()
    writer.join()
    assert failures == []
    assert len(copies[-1]) > len(copies[0])
    for rows in copies:
        assert {name.removeprefix("left ") for name in rows if "left" in name} == {
            name.removeprefix("right ") for name in rows if "right" in name
        }


def test_rejects_a_database_that_is_not_empty(room: Room) -> None:
    """Nothing is overwritten."""
    room.back_up()
    with pytest.raises(backup.Failure, match=r"the backend-store is not empty \(1 tables, runs, \.\.\.\)"):
        room.restore()


def test_rejects_a_server_that_runs(room: Room) -> None:
    """It would see half of what comes back."""
    room.back_up()
    room.database.unlink()
    message = r"the server runs \(127\.0\.0\.1:\d+\); stop it first"
    server = socket.create_server(("127.0.0.1", room.settings["server"]["port"]))
    with closing(server), pytest.raises(backup.Failure, match=message):
        room.restore()
    assert not room.database.exists()


def test_rejects_a_damaged_copy(room: Room) -> None:
    """One byte is enough, and the database stays empty."""
    kept = room.back_up()
    room.database.unlink()
    file = room.place.root / kept / "backend-store.sqlite.gz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(backup.Failure, match="is damaged: its SHA-256 is not the one in SHA256SUMS"):
        room.restore()
    assert not room.database.exists() or not room.database.stat().st_size


def test_rejects_a_copy_of_other_databases(room: Room) -> None:
    """A file less is not restored in part."""
    room.back_up()
    room.database.unlink()
    room.settings["databases"].append({"role": "user-store", "variable": "URI", "file": "user-store.dump"})
    with pytest.raises(backup.Failure, match=r"has no user-store\.dump, but backend-store\.sqlite\.gz"):
        room.restore()


@pytest.mark.parametrize("wanted", ["20260101T000009Z", "../secrets", ""])
def test_rejects_a_copy_that_is_not_there(room: Room, wanted: str) -> None:
    """The message names those that are."""
    kept = room.back_up()
    room.database.unlink()
    with pytest.raises(backup.Failure, match=f"there is no complete copy '{wanted}'; there are: {kept}"):
        room.restore(wanted)


def test_rejects_an_empty_place(room: Room) -> None:
    """With what to look at."""
    room.database.unlink()
    with pytest.raises(backup.Failure, match=r"there is no complete copy; compare Backup\.destination"):
        room.restore()


def test_an_older_copy_can_be_chosen(room: Room) -> None:
    """By its time."""
    first = room.back_up()
    room.database.unlink()
    write(room.database, 5)
    room.back_up()
    room.database.unlink()
    room.restore(first)
    assert len(read(room.database)) == 3


def test_a_copy_that_was_cut_off_is_not_chosen(room: Room) -> None:
    """The checksums are written last."""
    room.back_up()
    cut_off = room.back_up()
    (room.place.root / cut_off / backup.SUMS).unlink()
    room.database.unlink()
    room.restore()
    assert len(read(room.database)) == 3


@attrs.frozen
class Full(Folder):
    """A place whose room ends with the databases, before the checksums."""

    def log_artifact(self, local_file: str, artifact_path: str) -> None:
        """Copy a file, and then the device of Linux that is always full."""
        super().log_artifact(local_file, artifact_path)
        with Path("/dev/full").open("w", encoding="utf-8") as device:
            device.write("x")


def test_half_of_a_copy_takes_no_room(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """What found no room is removed; the older copies stay, and the message says what to do."""
    first = room.back_up()
    monkeypatch.setattr(backup, "place_of", lambda _settings, _release: Full(room.place.root))
    with pytest.raises(backup.Failure, match=r"no room for the copy \(.*No space left.*\); make Backup.scratch_size"):
        room.back_up()
    assert backup.times_in(room.place) == [first]


def test_only_so_many_copies_stay(room: Room) -> None:
    """The newest, and none that was cut off; what people put beside them is theirs."""
    copies = [room.back_up() for _ in range(3)]
    (room.place.root / copies[1] / backup.SUMS).unlink()
    (room.place.root / "notes").mkdir()
    copies += [room.back_up() for _ in range(2)]
    assert backup.times_in(room.place) == [copies[2], copies[3], copies[4]]
    assert (room.place.root / "notes").is_dir()


def test_one_copy_may_be_all(room: Room) -> None:
    """The one that was just written."""
    room.settings["keep"] = 1
    copies = [room.back_up(), room.back_up()]
    assert backup.times_in(room.place) == copies[1:]


def test_a_failure_is_the_last_line_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a traceback, and with an exit status."""
    monkeypatch.setattr(backup, "SETTINGS", tmp_path / "backup.json")
    (tmp_path / "backup.json").write_text(json.dumps({}), encoding="utf-8")
    assert backup.main(["copy", str(tmp_path / "none.db"), str(tmp_path / "copy.db")]) == 1
    assert capsys.readouterr().out == f"backup: there is no database at {tmp_path / 'none.db'}\n"
