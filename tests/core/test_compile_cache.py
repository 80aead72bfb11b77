"""Programs compiled once are found again, and nothing that is damaged is run."""

import json
import os
import subprocess
import sys
import time

import jax
import pytest

from jaxamp.core import ConfigError, compile_cache
from jaxamp.core.compile_cache import (
    Programs,
    fingerprint,
    private_folder,
    prune,
    use_compile_cache,
)

COMPILES = """
import collections, json, jax, jax.monitoring
from jaxamp.core.compile_cache import use_compile_cache
events = collections.Counter()
jax.monitoring.register_event_listener(lambda name, **_: events.update([name]))
use_compile_cache()
x = jax.numpy.linspace(-1, 1, 1000)
y = jax.jit(lambda x: jax.numpy.tanh(x) @ jax.numpy.sin(x))(x)
z = jax.jit(lambda x: jax.lax.scan(lambda c, v: (0.9 * c + v, c), 0.0, x)[1])(x)
found = events["/jax/compilation_cache/cache_hits"]
made = events["/jax/compilation_cache/cache_misses"]
print(json.dumps([found, made, float(y).hex(), jax.numpy.asarray(z).tolist()]))
"""


def started(cache):
    return subprocess.Popen(
        [sys.executable, "-c", COMPILES],
        env={**os.environ, "JAXAMP_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process):
    """Programs found, programs compiled, and what was computed."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    found, made, *computed = json.loads(out)
    return found, made, computed


def test_processes_at_once_and_after_one_another_share_whole_programs(tmp_path):
    cache = tmp_path / "cache"
    found, made, fresh = told(started("off"))
    assert found == made == 0
    both = [started(cache) for _ in range(3)]
    for process in both:
        found, made, computed = told(process)
        assert computed == fresh
    count = found + made

    found, made, computed = told(started(cache))
    assert (found, made, computed) == (count, 0, fresh)

    files = sorted(cache.glob("compiled/*/*"))
    assert len(files) == count, "nothing is left unfinished"
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[: len(whole) // 2])
    files[1].write_bytes(b"")
    for file in files[2:]:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    found, made, computed = told(started(cache))
    assert (found, made, computed) == (0, count, fresh), "none is used"
    found, made, computed = told(started(cache))
    assert (found, made, computed) == (count, 0, fresh), "all are repaired"


def test_an_entry_is_given_back_or_is_absent(tmp_path):
    programs = Programs(tmp_path)
    assert programs.get("jit_f-12") is None
    programs.put("jit_f-12", b"code")
    assert programs.get("jit_f-12") == b"code"
    (file,) = tmp_path.iterdir()
    file.rename(file.with_name(file.name.replace("12", "13")))
    assert programs.get("jit_f-13") is None, "it was stored under another name"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_stores_nothing_and_hurts_nobody(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    programs = Programs(tmp_path)
    programs.put("jit_f-12", b"code")
    assert programs.get("jit_f-12") is None
    assert not list(tmp_path.iterdir())


def test_what_was_used_longest_ago_is_deleted_first(tmp_path, monkeypatch):
    monkeypatch.setattr(compile_cache, "LARGEST", 1000)
    now = time.time()
    for version in ("jaxlib-1", "jaxlib-2"):
        for index in range(4):
            file = tmp_path / version / f"{index}.program"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(bytes(200))
            os.utime(file, (now, now - 10 * index))
    (tmp_path / "jaxlib-1" / "notes.txt").write_bytes(bytes(5000))
    (tmp_path / "new.part").touch()
    (tmp_path / "jaxlib-2" / "new.part").touch()
    (tmp_path / "jaxlib-2" / "old.part").touch()
    os.utime(tmp_path / "jaxlib-2" / "old.part", (0, 0))
    prune(tmp_path)
    left = sorted(str(f.relative_to(tmp_path)) for f in tmp_path.glob("*/*"))
    assert left == [
        "jaxlib-1/0.program", "jaxlib-1/1.program", "jaxlib-1/notes.txt",
        "jaxlib-2/0.program", "jaxlib-2/1.program", "jaxlib-2/new.part",
    ]  # fmt: skip
    prune(tmp_path)
    assert len(list(tmp_path.glob("*/*"))) == 6


def test_using_an_entry_keeps_it_young(tmp_path):
    programs = Programs(tmp_path)
    programs.put("jit_f-12", b"code")
    (file,) = tmp_path.iterdir()
    os.utime(file, (0, 0))
    programs.get("jit_f-12")
    assert file.stat().st_mtime > 1_000_000


posix = pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")


@posix
def test_the_folder_is_closed_to_others(tmp_path):
    place = private_folder(tmp_path / "cache")
    for folder in (place, place.parent, place.parent.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not list(place.iterdir())


@posix
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_open_to_others_is_refused(tmp_path, mode):
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(ConfigError, match=r"open to other users.*chmod 700"):
        private_folder(folder)
    assert not list(folder.iterdir())


@posix
def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="belongs to another user"):
        private_folder(tmp_path)


@posix
def test_a_folder_that_anybody_could_replace_is_refused(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigError, match="any user may replace it"):
        private_folder(tmp_path / "open" / "cache")
    (tmp_path / "open").chmod(0o1777)  # as /tmp: names can be taken away by owners only
    assert private_folder(tmp_path / "open" / "cache").is_dir()


def test_unlike_processors_and_compilers_share_nothing(monkeypatch):
    here = fingerprint()
    assert fingerprint() == here
    monkeypatch.setattr(compile_cache, "processor", lambda: "another")
    assert fingerprint() != here
    monkeypatch.undo()
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0.0.1")
    assert fingerprint() != here


@pytest.fixture
def no_cache_yet(monkeypatch):
    """As in a process that has not chosen a cache."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.delenv("JAXAMP_CACHE", raising=False)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


def test_the_cache_can_be_switched_off(no_cache_yet, monkeypatch):
    monkeypatch.setenv("JAXAMP_CACHE", "off")
    assert use_compile_cache() is None
    assert jax.config.jax_compilation_cache_dir is None


@pytest.mark.skipif(sys.platform != "linux", reason="the variable is Linux's")
def test_the_users_own_folder_is_used_where_it_can_be(
    no_cache_yet, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert use_compile_cache() is None, "a home without a place is no mistake"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    expected = tmp_path / "caches" / "jaxamp" / "compiled" / fingerprint()
    assert use_compile_cache() == expected
    assert use_compile_cache(tmp_path / "other") == expected, "the first one stays"


def test_a_named_folder_that_cannot_be_used_is_told(
    no_cache_yet, tmp_path, monkeypatch
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXAMP_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ConfigError, match=r"cannot be used .* JAXAMP_CACHE=off"):
        use_compile_cache()
