"""ImageNet weights: from the cache, downloaded whole, or absent within seconds."""

import hashlib
import socket
import time
from contextlib import contextmanager

import local_server
import pytest
from local_server import send

from utils import download
from utils.labs import imagenet
from utils.labs.imagenet import have_weights

RAW = b"weights " * 1000
FILE = "efficientnetb0_notop.h5"


@pytest.fixture(autouse=True)
def models(monkeypatch, tmp_path):
    """Keras' folder of weights in this test; no server until serving() names one."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("NO_PROXY", "*")
    point_to(monkeypatch, "http://127.0.0.1:9")  # nobody listens there
    return tmp_path / "keras" / "models"


def point_to(monkeypatch, server, whole=RAW):
    weights = imagenet.Weights(f"{server}/{FILE}", hashlib.md5(whole).hexdigest())
    monkeypatch.setitem(imagenet.WEIGHTS, "EfficientNetB0", weights)


@contextmanager
def serving(monkeypatch, raw, length=None, whole=RAW):
    """Let the weights come from a server that sends these bytes of the whole."""
    with local_server.serving(lambda handler: send(handler, raw, length)) as (
        address,
        asked,
    ):
        point_to(monkeypatch, address, whole)
        yield asked


@pytest.mark.parametrize("name", ["VGG16", "ResNet50", "EfficientNetB0"])
def test_files_and_sums_are_those_that_keras_asks_for(name, monkeypatch):
    import keras
    from keras.src.utils import file_utils

    monkeypatch.undo()  # the weights as shipped
    wanted = {}

    class AskedError(Exception):
        pass

    def get_file(fname, origin, cache_subdir, file_hash):
        wanted.update(name=fname, url=origin, folder=cache_subdir, md5=file_hash)
        raise AskedError

    monkeypatch.setattr(file_utils, "get_file", get_file)
    with pytest.raises(AskedError):
        getattr(keras.applications, name)(include_top=False, input_shape=(32, 32, 3))
    ours = imagenet.WEIGHTS[name]
    assert (ours.url, ours.md5) == (wanted["url"], wanted["md5"])
    assert wanted["folder"] == "models" and ours.url.endswith("/" + wanted["name"])


def test_a_cached_file_is_used_without_network(models):
    models.mkdir(parents=True)
    (models / FILE).write_bytes(RAW)
    assert have_weights("EfficientNetB0")


def test_a_whole_download_is_kept_and_not_fetched_twice(models, monkeypatch):
    with serving(monkeypatch, RAW) as asked:
        for _ in range(2):
            assert have_weights("EfficientNetB0")
    assert asked == ["HEAD", "GET"]
    assert [path.name for path in models.iterdir()] == [FILE]
    assert (models / FILE).read_bytes() == RAW


@pytest.mark.parametrize(
    ("raw", "length"),
    [(RAW[:4000], len(RAW)), (RAW[:-1] + b"?", None), (b"<html>log in</html>", None)],
    ids=["cut off", "another file", "a log-in page"],
)
def test_a_failed_download_leaves_nothing(models, monkeypatch, raw, length):
    monkeypatch.setattr(download, "SECONDS_OF_SILENCE", 0.3)
    with serving(monkeypatch, raw, length) as asked:
        assert not have_weights("EfficientNetB0")
    assert "GET" in asked
    assert list(models.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_not_used(models):
    models.mkdir(parents=True)
    (models / FILE).write_bytes(RAW[:-1])
    assert not have_weights("EfficientNetB0")


def test_without_download_nobody_is_asked(monkeypatch):
    with serving(monkeypatch, RAW) as asked:
        assert not have_weights("EfficientNetB0", download=False)
    assert asked == []


def test_offline_there_are_none_and_no_folder(models):
    assert not have_weights("EfficientNetB0")
    assert not models.exists()


@pytest.mark.slow
def test_a_silent_server_is_given_up_after_seconds(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        point_to(monkeypatch, f"http://127.0.0.1:{server.getsockname()[1]}")
        begin = time.monotonic()
        assert not have_weights("EfficientNetB0")
        # It waits without end if there is no limit; a busy machine takes its time.
        assert time.monotonic() - begin < 60 * imagenet.SECONDS_TO_DECIDE


@pytest.mark.slow
def test_keras_takes_what_was_downloaded(models, monkeypatch, tmp_path):
    import h5py
    import keras
    import numpy as np
    from keras.src.applications import efficientnet
    from keras.src.legacy.saving import legacy_h5_format
    from keras.src.utils import file_utils

    def build(weights):
        return keras.applications.EfficientNetB0(
            weights=weights, include_top=False, input_shape=(32, 32, 3)
        )

    any_weights = build(None)
    with h5py.File(tmp_path / "any.h5", "w") as file:  # the format of Keras' files
        legacy_h5_format.save_weights_to_hdf5_group(file, any_weights)
    raw = (tmp_path / "any.h5").read_bytes()
    md5 = hashlib.md5(raw).hexdigest()
    monkeypatch.setattr(efficientnet, "WEIGHTS_HASHES", {"b0": ("", md5)})
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(models.parent))
    with serving(monkeypatch, raw, whole=raw):
        assert have_weights("EfficientNetB0")
    # No server any more: Keras has to find the file, whole, where it looks for it.
    trained = build("imagenet")
    pairs = zip(trained.get_weights(), any_weights.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_another_network_is_refused():
    with pytest.raises(ValueError, match=r"'AlexNet'.*VGG16, ResNet50"):
        have_weights("AlexNet")
