"""Settings: which place wins, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dsvl2_cli.errors import SettingsError, UsageError
from dsvl2_cli.settings import resolve


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without a configuration, in an empty folder."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path


def user_file(home: Path, text: str) -> None:
    path = home / "config" / "dsvl2" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_without_anything_the_defaults_hold() -> None:
    found = resolve()
    assert found.settings.model == "nano"
    assert set(found.origins.values()) == {("default", "default")}


def test_each_place_wins_over_the_one_below(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user_file(home, "dpi = 100\n")
    assert resolve().settings.dpi == 100
    Path("pyproject.toml").write_text("[tool.dsvl2]\ndpi = 110\n")
    assert resolve().settings.dpi == 110
    Path("dsvl2.toml").write_text("dpi = 120\n")
    assert resolve().settings.dpi == 120
    monkeypatch.setenv("DSVL2_DPI", "130")
    assert resolve().settings.dpi == 130
    found = resolve({"dpi": 140.0})
    assert found.settings.dpi == 140
    assert found.origins["dpi"] == ("flag", "--dpi")


def test_places_are_merged_key_by_key(home: Path) -> None:
    user_file(home, 'device = "cpu"\ndpi = 100\n')
    Path("dsvl2.toml").write_text("page-markers = true\ndpi = 200\n")
    settings = resolve().settings
    assert (settings.device, settings.dpi, settings.page_markers) == ("cpu", 200, True)


def test_an_unknown_key_is_an_error_that_names_the_near_miss() -> None:
    Path("dsvl2.toml").write_text("page_marker = true\n")
    with pytest.raises(SettingsError, match="unknown key 'page_marker'") as caught:
        resolve()
    assert caught.value.hint == "did you mean page_markers?"


def test_an_unknown_variable_is_an_error_that_names_the_near_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSVL2_DEVCE", "cpu")
    with pytest.raises(SettingsError) as caught:
        resolve()
    assert caught.value.hint == "did you mean DSVL2_DEVICE?"


def test_the_password_variable_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSVL2_PASSWORD", "secret")
    assert resolve().settings.model == "nano"


@pytest.mark.parametrize("line", ['dpi = "high"', "threads = 1.5", "threads = true", "model = 3", 'offline = "yes"'])
def test_a_value_of_the_wrong_kind_is_an_error_that_names_the_file(line: str) -> None:
    Path("dsvl2.toml").write_text(line + "\n")
    with pytest.raises(SettingsError, match=r"dsvl2\.toml: .* must be"):
        resolve()


def test_a_variable_that_is_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSVL2_THREADS", "many")
    with pytest.raises(SettingsError, match="DSVL2_THREADS='many' is not a whole number"):
        resolve()


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("No", False), ("off", False)])
def test_switches_are_read_from_variables(text: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSVL2_OFFLINE", text)
    assert resolve().settings.offline is value


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSVL2_THREADS", "")
    assert resolve().settings.threads is None


def test_a_choice_outside_its_list_is_an_error() -> None:
    Path("dsvl2.toml").write_text('fail_on = "always"\n')
    with pytest.raises(SettingsError) as caught:
        resolve()
    assert caught.value.hint == "choose never, partial, failure, doubt"


def test_a_wrong_flag_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--batch-size"):
        resolve({"batch_size": 0})


def test_broken_toml_is_an_error_in_our_file_and_ignored_in_someone_elses() -> None:
    Path("pyproject.toml").write_text("not toml at all [")
    assert resolve().settings.model == "nano"
    Path("dsvl2.toml").write_text("model = \n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        resolve()
