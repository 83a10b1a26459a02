"""Files of a folder, and what their names say."""

from pathlib import Path

import pytest

from src.errors import ConfigError
from src.ingest.path_names import iteration_of
from src.ingest.sources import content_uid, find_files


@pytest.mark.parametrize(
    ("name", "iteration"),
    [
        ("keras_0.csv", 0),
        ("jax_12.csv", 12),
        ("run3-tf.csv", 3),
        ("2025_tf_007.csv", 7),
        ("tf.csv", None),
        ("tf_1234567.csv", 1234567),
        ("a_20250226.csv", None),
        ("tf_1740000000.csv", None),
        ("tf²1.csv", 1),
        ("²1.csv", 1),
        ("1².csv", 1),
    ],
)
def test_the_last_number_of_the_name_is_the_iteration_as_it_stands(name, iteration):
    assert iteration_of(Path(name)) == iteration


def test_files_come_in_natural_order_without_hidden_ones_and_folders(tmp_path):
    for name in ("a_10.csv", "a_2.csv", ".hidden.csv", "b/a_1.csv", "²1.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    for everything in (tmp_path, tmp_path / "*"):
        assert [path.name for path in find_files(everything)] == ["a_2.csv", "a_10.csv", "²1.csv"]
    assert [path.name for path in find_files(tmp_path / "a_*0.csv")] == ["a_10.csv"]
    assert find_files(tmp_path / "a_2.csv") == [tmp_path / "a_2.csv"]


def test_a_folder_of_folders_names_them(tmp_path):
    for name in ("tf", "torch"):
        (tmp_path / name).mkdir()
    with pytest.raises(ConfigError, match=r"name one of its folders \(tf, torch\)"):
        find_files(tmp_path)
    with pytest.raises(ConfigError, match="this folder holds no files; name the folder"):
        find_files(tmp_path / "tf")
    with pytest.raises(ConfigError, match="no such folder"):
        find_files(tmp_path / "tf" / "*.csv")
    for nothing in ("nowhere", "*"):
        with pytest.raises(ConfigError, match="no such folder or file"):
            find_files(tmp_path / nothing)


def test_a_recording_is_known_by_its_content_and_label(tmp_path):
    first, copy, other = (tmp_path / name for name in "abc")
    first.write_text("1")
    copy.write_text("1")
    other.write_text("2")
    assert content_uid("tf", first) == content_uid("tf", copy)
    assert len({content_uid("tf", first), content_uid("tf", other), content_uid("torch", first)}) == 3
