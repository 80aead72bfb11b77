"""Runs, models and recordings in buckets; a folder stands in for the real service."""

import json
import os
import re
import shutil
import threading

import numpy as np
import pytest
import soundfile
from cloud_stand_in import stand_in
from fsspec.registry import _registry
from runs import TINY, assert_refused, assert_same_bits, run, train
from tiny import RATE, noise

import jaxamp
from jaxamp.cli import lease as lease_module
from jaxamp.cli import mirror
from jaxamp.cli.lease import leased
from jaxamp.cli.mirror import (
    Delivery,
    brought,
    mirrored,
    origin,
    placed,
    stamps,
)
from jaxamp.cli.stopping import watched
from jaxamp.core import CloudError, ConfigError, RunError, cloud, compile_cache
from jaxamp.core.compile_cache import Bucket, Programs, checksum


@pytest.fixture
def buckets(tmp_path, monkeypatch):
    """The folder that stands in for all buckets; local folders are elsewhere."""
    folder = tmp_path / "buckets"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(lease_module, "LEASE_SECONDS", 0.3)
    stand_in(folder)
    yield folder
    for scheme in ("gs", "s3"):
        _registry.pop(scheme)


def everything(folder):
    """name -> bytes of all files below a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_run_in_a_bucket_goes_on_where_it_was_left(
    buckets, finished, tmp_path, capsys
):
    place = buckets / "b/run"
    said = train(capsys, "gs://b/run", "train.steps=10")
    assert said.status == 0, said
    assert "Kept in gs://b/run" in said.out
    assert "To hear and see it: jaxamp report gs://b/run" in said.out
    assert not list((tmp_path / "home").rglob("config.yaml"))  # nothing is left here
    again = train(capsys, "'gs://b/run'", "train.steps=20")
    assert again.status == 0, again
    assert "Going on from step 10" in again.out
    assert_same_bits(place, finished)
    assert not [name for name in everything(place) if name.startswith(".")]
    kept = {cloud.step_of(name) for name in everything(place)}
    assert kept == {cloud.step_of(name) for name in everything(finished)}
    other = train(capsys, "gs://b/run", "seed=1")
    assert_refused(other, "'gs://b/run' belongs to a run of another", "seed was 0")


def test_a_sweep_in_a_bucket_is_found_again(buckets, capsys):
    sweep = ["train", "-m", *TINY, "train.steps=5", "hydra.launcher.table=false"]
    sweep += ["seed=0,1", "hydra.sweep.dir=gs://b/sweep"]
    said = run(capsys, *sweep)
    assert said.status == 0, said
    before = everything(buckets)
    said = run(capsys, *sweep)
    assert said.out.strip() == "2 jobs in gs://b/sweep, 2 of them done before."
    assert everything(buckets) == before
    for job in ("seed=0", "seed=1"):
        assert f"b/sweep/{job}/result.json" in before


def test_what_is_in_a_bucket_is_read_and_written_like_files(
    buckets, finished, tmp_path, capsys
):
    shutil.copytree(finished, buckets / "b/run")
    dry = tmp_path / "dry.wav"
    soundfile.write(dry, noise(9_000), RATE, subtype="FLOAT")
    shutil.copy(dry, buckets / "b/dry.wav")
    said = run(capsys, "reamp", "gs://b/run", "s3://b/dry.wav", "gs://b/new/out.wav")
    assert said.status == 0, said
    assert said.out.startswith("gs://b/new/out.wav: ")
    run(capsys, "reamp", finished, dry, tmp_path / "out.wav")
    same, _ = soundfile.read(tmp_path / "out.wav")
    np.testing.assert_array_equal(soundfile.read(buckets / "b/new/out.wav")[0], same)
    y = jaxamp.process(*jaxamp.load("gs://b/run"), noise(9_000))
    np.testing.assert_array_equal(y, same)

    facts = json.loads(run(capsys, "info", "gs://b/run", "--json").out)
    assert facts == json.loads(run(capsys, "info", finished, "--json").out)
    said = run(capsys, "export", "gs://b/run", "gs://b/new/amp.nam")
    assert said.out == "gs://b/new/amp.nam written.\n"
    assert (buckets / "b/new/amp.nam").read_bytes() == (
        finished / "model.nam"
    ).read_bytes()
    pair = ("--input", "gs://b/dry.wav", "--target", "gs://b/new/out.wav")
    said = run(capsys, "evaluate", "gs://b/run", *pair, "--json", "gs://b/e.json")
    assert said.status == 0, said
    assert json.loads((buckets / "b/e.json").read_bytes())["esr"] < 1e-9
    said = run(capsys, "compare", "gs://b/run", "--as-recorded")
    assert said.status == 0, said
    assert "Written to gs://b/run/comparison.csv" in said.out
    assert (buckets / "b/run/comparison.html").stat().st_size > 1000
    said = run(capsys, "report", "gs://b/run", *pair, "--no-timing")
    assert said.status == 0, said
    assert said.out.startswith("gs://b/run/report.html: ")
    assert b"<h1>A model of out.wav" in (buckets / "b/run/report.html").read_bytes()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["info", "gs://b/none"], ["There is nothing at 'gs://b/none'"]),
        (["info", "gs://b"], ["a path such as gs://BUCKET/PATH"]),
        (["info", "az://b/run"], ["'az://b/run' is nothing that can be read"]),
        (["reamp", "gs://b/none", "gs://b/no.wav", "o.wav"], ["'gs://b/no.wav'"]),
        (["train", "hydra.run.dir=gs://"], ["a path such as gs://BUCKET/PATH"]),
        (["train", "hydra.run.dir=gs://b/'x"], ["may hold no quotes"]),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(buckets, capsys, command, words):
    assert_refused(run(capsys, *command), *words)
    assert everything(buckets) == {}


def test_a_package_that_is_missing_is_named(monkeypatch, capsys):
    import fsspec  # noqa: PLC0415

    def missing(scheme):
        raise ImportError(f"Install {scheme}")

    monkeypatch.setattr(fsspec, "filesystem", missing)
    said = run(capsys, "info", "gs://b/run")
    assert_refused(said, "pip install 'jaxamp[gcs]'", "uv sync --extra gcs")
    said = run(capsys, "train", "hydra.run.dir=s3://b/run")
    assert_refused(said, "pip install 'jaxamp[s3]'")


def test_a_bucket_that_refuses_is_said_in_words(buckets, monkeypatch):
    system = cloud.filesystem("gs://b/x")

    class ForbiddenError(Exception):
        pass

    def refuse(*_, **__):
        raise ForbiddenError("403\n<html>no\x1b[31m")

    monkeypatch.setattr(type(system), "put_file", refuse)
    with (
        pytest.raises(CloudError, match=r"ForbiddenError: 403 <html>no \[31m") as told,
        cloud.delivered("gs://b/x") as file,
    ):
        file.write_text("x")
    assert "credentials" not in str(told.value) or "logged in" in str(told.value)
    assert isinstance(told.value, RunError)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "a//b", "a\\..\\b", "."])
def test_names_in_a_bucket_never_lead_out_of_the_folder(name):
    with pytest.raises(CloudError, match="no path below"):
        cloud.safe(name)


def test_local_paths_never_ask_for_a_bucket(tmp_path, monkeypatch):
    monkeypatch.setattr(cloud, "filesystem", None)
    assert cloud.fetched(tmp_path) == tmp_path
    assert cloud.fetched("a//b.wav") == cloud.Path("a/b.wav")
    with cloud.delivered("a/b.wav") as path:
        assert path == cloud.Path("a/b.wav")
    with mirrored(tmp_path / "run"):
        assert not (tmp_path / "run").exists()


def test_messages_name_the_url_and_not_its_stand_in(buckets):
    folder = mirror.mirror("gs://b/runs/1/")
    assert origin(cloud.Path(folder, "job")) == "gs://b/runs/1/job"
    assert origin(cloud.Path("/runs/1")) is None
    assert cloud.named(f"{folder!r} is, and {folder}/a.wav.") == (
        "'gs://b/runs/1' is, and gs://b/runs/1/a.wav."
    )
    assert placed("hydra.run.dir=runs/1") == "hydra.run.dir=runs/1"
    assert placed("data.input=gs://b/x") == "data.input=gs://b/x"
    with (
        pytest.raises(ConfigError, match="named on the command line"),
        mirrored(cloud.Path("/here/gs:/b/run")),
    ):
        pass


# --- deliveries that end in the middle -----------------------------------------------


def write(folder, files):
    """Makes a folder hold exactly these files."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def checkpoint(step, text):
    names = (cloud.MARKER, "state/d/0", "state/d/1", "record/metadata")
    return {f"checkpoints/{step}/{name}": f"{text} {name}" for name in names}


BEGINNING = {"config.yaml": "c", "metrics.jsonl": "1\n"} | checkpoint(5, "five")
LATER = (
    {"config.yaml": "c", "metrics.jsonl": "1\n2\n", "result.json": "{}"}
    | checkpoint(10, "ten")
    | {".lock": "", "checkpoints/15.orbax-checkpoint-tmp-3/state/d/0": "half"}
)
MADE_ANEW = BEGINNING | checkpoint(5, "better five")


class Dies(Exception):  # noqa: N818
    """The process ends here."""


class Mortal:
    """A file system whose process dies after so many changes."""

    def __init__(self, system, changes):
        self.system, self.left = system, changes

    def __getattr__(self, name):
        function = getattr(self.system, name)
        if name not in ("put_file", "rm_file", "pipe_file"):
            return function

        def mortal(*arguments, **options):
            if not self.left:
                raise Dies
            self.left -= 1
            return function(*arguments, **options)

        return mortal


@pytest.mark.parametrize("later", [LATER, MADE_ANEW], ids=["later", "made anew"])
def test_wherever_a_delivery_ends_the_bucket_holds_a_whole_run(
    buckets, tmp_path, later
):
    url, ends = "gs://b/run", 0
    plain = {name: text for name, text in later.items() if re.match(r"\w+\.", name)}
    steps = [checkpoint(5, "five"), checkpoint(5, "better five"), checkpoint(10, "ten")]
    while True:
        shutil.rmtree(buckets / "b", ignore_errors=True)
        system = Mortal(cloud.filesystem(url), 10**6)
        folder = tmp_path / "work"
        write(folder, BEGINNING)
        delivery = Delivery(system, url, folder, {}, threading.Event())
        delivery.deliver()
        assert everything(buckets / "b/run").keys() == BEGINNING.keys()
        write(folder, later)
        system.left = ends
        died = False
        try:
            delivery.deliver()
        except CloudError as error:
            died = isinstance(error.__cause__, Dies)
        here = tmp_path / "elsewhere"
        shutil.rmtree(here, ignore_errors=True)
        cloud.pull(url, here)
        found = {name: data.decode() for name, data in everything(here).items()}
        whole = [one for one in steps if one.items() <= found.items()]
        kept = {name for name in found if cloud.step_of(name)}
        assert kept == {name for one in whole for name in one}  # and no parts
        assert whole or later is MADE_ANEW
        assert "result.json" not in found or plain.items() <= found.items()
        if not died:
            break
        ends += 1
    assert ends > 6
    assert found == {name: text for name, text in later.items() if name in found}
    assert found.keys() == {n for n in later if "tmp" not in n and n != ".lock"}


def test_who_runs_out_of_time_delivers_what_is_kept(buckets):
    folder = cloud.Path(mirror.mirror("gs://b/run"))
    with watched() as watch, mirrored(folder):
        watch.rescue([lambda: write(folder, BEGINNING)])
        assert "All steps are kept" in watch.last_words()
        delivered = everything(buckets / "b/run")
    assert BEGINNING.keys() < delivered.keys()  # and the lease


def test_a_local_folder_that_vanishes_takes_nothing_with_it(buckets, tmp_path):
    folder, url = tmp_path / "work", "gs://b/run"
    system = cloud.filesystem(url)
    write(folder, BEGINNING | {"failure.json": "why"})
    delivery = Delivery(system, url, folder, {}, threading.Event())
    delivery.deliver()
    (folder / "failure.json").unlink()
    delivery.deliver()  # tried again: that is gone from the bucket too
    shutil.rmtree(folder)
    delivery.deliver()
    assert everything(buckets / "b/run").keys() == BEGINNING.keys()


def test_a_folder_that_could_not_be_delivered_is_gone_on_with(buckets, tmp_path):
    url, folder = "gs://b/run", tmp_path / "work"
    system = cloud.filesystem(url)
    write(buckets / "b/run", BEGINNING)
    write(folder, LATER)
    assert brought(system, url, folder) == {}  # ahead: all of it is to be delivered
    assert (folder / "result.json").is_file()
    write(folder, LATER | {"config.yaml": "another"})
    known = brought(system, url, folder)
    assert known == stamps(folder)
    assert known.keys() == BEGINNING.keys()


def test_what_cannot_be_delivered_stays_and_is_told(buckets, tmp_path, monkeypatch):
    folder = cloud.Path(mirror.mirror("gs://b/run"))
    system = type(cloud.filesystem("gs://b/run"))
    put = system.put_file

    def refuse(*_, **__):
        raise OSError("no network")

    def work():
        with mirrored(folder):
            write(folder, BEGINNING)
            monkeypatch.setattr(system, "put_file", refuse)

    with pytest.raises(CloudError, match="kept on this machine") as told:
        work()
    assert str(folder.parent) in str(told.value)
    assert everything(folder).keys() == BEGINNING.keys()
    monkeypatch.setattr(system, "put_file", put)
    assert mirror.VARIABLE not in os.environ


# --- leases ------------------------------------------------------------------------


def lease(buckets, **facts):
    path = buckets / "b/run/.lease"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts))
    return path


def take(url="gs://b/run"):
    with leased(cloud.filesystem(url), url) as lost:
        return lost.is_set()


def test_a_second_process_is_refused_while_the_first_renews(buckets, capsys):
    path = lease(buckets, host="elsewhere", pid=1, renewed=0)
    ended = threading.Event()

    def renew():
        count = 0
        while not ended.wait(0.02):
            count += 1
            part = path.with_suffix(".new")
            part.write_text(json.dumps({"host": "elsewhere", "renewed": count}))
            os.replace(part, path)

    thread = threading.Thread(target=renew)
    thread.start()
    try:
        with pytest.raises(RunError, match="Another jaxamp is working in 'gs://b/run'"):
            take()
    finally:
        ended.set()
        thread.join()
    assert "leased by process 1 on elsewhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    "facts",
    [
        {"host": "elsewhere", "pid": 1},
        {"host": lease_module.socket.gethostname(), "pid": 2**22 + 1},
        {"pid": "x"},
    ],
)
def test_the_lease_of_a_process_that_died_is_taken(buckets, facts):
    path = lease(buckets, **facts)
    assert take() is False
    assert not path.exists()


def test_who_lost_the_lease_delivers_nothing_more(buckets, tmp_path, monkeypatch):
    monkeypatch.setattr(lease_module, "REFRESH_SECONDS", 0.02)
    folder = cloud.Path(mirror.mirror("gs://b/run"))

    def work():
        with mirrored(folder):
            write(folder, BEGINNING)
            lease(buckets, host="elsewhere", pid=1, token="theirs")
            threading.Event().wait(0.3)

    with pytest.raises(CloudError, match="has taken over 'gs://b/run'"):
        work()
    assert everything(buckets / "b/run").keys() == {".lease"}  # theirs


# --- compiled programs ---------------------------------------------------------------


def test_programs_are_found_in_a_bucket_by_machines_that_begin_bare(
    buckets, tmp_path, monkeypatch
):
    bucket = Bucket("gs://b/cache")
    folders = [tmp_path / name / "jaxlib-1" for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir(parents=True)
    one, two, three = (Programs(folder, bucket) for folder in folders)
    assert one.get("key") is None
    one.put("key", b"machine code")
    assert two.get("key") == b"machine code"
    (stored,) = everything(buckets)
    assert stored == "b/cache/compiled/jaxlib-1/key.program"
    (buckets / stored).write_bytes(checksum("key", b"x") + b"other code")
    assert two.get("key") == b"machine code"  # kept here since
    assert three.get("key") is None  # damaged

    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(type(bucket.system), "cat_file", refuse)
    with pytest.warns(UserWarning, match="Programs are kept here alone"):
        assert three.get("other") is None
    three.put("other", b"more code")  # says nothing any more
    assert three.get("other") == b"more code"


def test_the_cache_of_a_bucket_keeps_the_private_folder(buckets, tmp_path, monkeypatch):
    import jax  # noqa: PLC0415

    installed = []
    monkeypatch.setenv(compile_cache.VARIABLE, "gs://b/cache")
    monkeypatch.setattr(compile_cache, "install", lambda *all_: installed.append(all_))
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    try:
        place = compile_cache.use_compile_cache()
    finally:
        jax.config.update("jax_compilation_cache_dir", before)
    ((folder, bucket),) = installed
    assert folder == place
    assert place.is_relative_to(tmp_path / "home")
    assert bucket.url == "gs://b/cache/compiled"
