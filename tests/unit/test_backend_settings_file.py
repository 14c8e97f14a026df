from __future__ import annotations

from pathlib import Path

import pytest

from backend_embedded.contract.events import SettingsChanged
from backend_embedded.contract.settings import BackendSettings, SettingsPatch
from backend_embedded.errors import InvalidInput, StorageUnavailable
from backend_embedded.settings import SettingsFile, read, write_whole


async def test_a_change_is_kept_and_told_once(tmp_path: Path) -> None:
    told: list[SettingsChanged] = []
    file = tmp_path / "config" / "backend.json"
    kept = SettingsFile(file, told.append)
    await kept.change(SettingsPatch(threads=2))
    await kept.change(SettingsPatch(threads=2))
    kept.close()
    assert [change.settings.threads for change in told] == [2]
    assert read(file) == kept.current == BackendSettings(threads=2)
    assert list(file.parent.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600, "an address in it may have a password"


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("database_url", "postgresql://me:{}@127.0.0.1:5432/data"),
        ("cache", "redis://:{}@127.0.0.1:6379"),
        ("queue", "amqp://me:{}@127.0.0.1/"),
        ("ollama_url", "http://me:{}@127.0.0.1:11434"),
        ("proxy", "http://me:{}@127.0.0.1:3128"),
    ],
)
async def test_a_password_is_kept_and_never_told(tmp_path: Path, field: str, address: str) -> None:
    told: list[SettingsChanged] = []
    kept = SettingsFile(tmp_path / "backend.json", told.append)
    for secret in ("first-word", "second-word"):
        await kept.change(SettingsPatch.model_validate({field: address.format(secret)}))
        assert getattr(kept.current, field) == address.format(secret)
        assert getattr(kept.told, field) == address.format("***")
        await kept.change(SettingsPatch.model_validate({field: getattr(kept.told, field)}))
        assert read(tmp_path / "backend.json") == kept.current
        assert getattr(kept.current, field) == address.format(secret)
    with pytest.raises(InvalidInput) as caught:
        await kept.change(
            SettingsPatch.model_validate({field: address.format("***").replace("0.0.1", "0.0.2")})
        )
    kept.close()
    assert caught.value.details["fields"] == [{"field": field, "problem": "the password is missing"}]
    assert [change.fields for change in told] == [(field,), (field,)]
    assert "-word" not in "".join(change.model_dump_json() for change in told)


@pytest.mark.parametrize("content", [b"{", b'{"threads": -4}', b"\xff", b"[]", b""])
@pytest.mark.allow_logs("cannot be read")
def test_a_broken_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "backend.json"
    file.write_bytes(content)
    assert read(file) == BackendSettings()
    assert not file.exists()
    assert (tmp_path / "backend.json.broken").read_bytes() == content


@pytest.mark.allow_logs("cannot be read", "could not be set aside")
async def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    in_the_way = tmp_path / "config"
    in_the_way.write_text("a file where the folder should be")
    told: list[SettingsChanged] = []
    kept = SettingsFile(in_the_way / "backend.json", told.append)
    with pytest.raises(StorageUnavailable):
        await kept.change(SettingsPatch(threads=2))
    kept.close()
    assert (kept.current, told) == (BackendSettings(), [])


@pytest.mark.parametrize("url", ["postgresql://u:p@h:port/db", "postgresql://u:p@h:5432/?a=b"])
async def test_an_address_with_which_the_next_start_would_fail_is_refused(tmp_path: Path, url: str) -> None:
    kept = SettingsFile(tmp_path / "backend.json", lambda _: None)
    with pytest.raises(InvalidInput) as caught:
        await kept.change(SettingsPatch(database_url=url))
    assert caught.value.details["fields"][0]["field"] == "database_url"
    changed = await kept.change(SettingsPatch(database_url="postgresql://u:p%40ss@h:5432/db"))
    kept.close()
    assert read(tmp_path / "backend.json") == changed


def test_a_whole_file_or_none(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write_whole(file, "old", mode=0o600)
    write_whole(file, "new", mode=0o600)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o600)
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half \ud800")
    assert (file.read_text(), list(tmp_path.iterdir())) == ("new", [file])
