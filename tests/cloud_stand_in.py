"""A folder in place of the buckets of gs:// and s3://, for this process.

Not the real service: no network, no credentials, no delays. As there, an object appears
whole, nothing is appended to, and of two who create the same one at once one fails.
`python cloud_stand_in.py FOLDER command …` is `jaxamp command …` with it.
"""

import os
import shutil
import sys
from pathlib import Path

import fsspec
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem


def stand_in(folder):
    """Has gs:// and s3:// read and write below a folder."""

    class Buckets(DirFileSystem):
        protocol = ("gs", "s3")
        cachable = False

        def __init__(self, **options):
            super().__init__(path=str(folder), fs=Whole(auto_mkdir=True), **options)

        @classmethod
        def _strip_protocol(cls, path):
            return path.partition("://")[2] if "://" in path else path

        def _join(self, path):
            if isinstance(path, str):
                path = self._strip_protocol(path)
            return super()._join(path)

    for scheme in ("gs", "s3"):
        fsspec.register_implementation(scheme, Buckets, clobber=True)


class Whole(LocalFileSystem):
    """Files that appear under their names when they are whole."""

    cachable = False

    def put_file(self, lpath, rpath, **_):
        rpath = Path(rpath)
        rpath.parent.mkdir(parents=True, exist_ok=True)
        partial = rpath.with_name(f".{rpath.name}.{os.getpid()}.uploading")
        shutil.copyfile(lpath, partial)
        os.replace(partial, rpath)

    def pipe_file(self, path, value, mode="overwrite", **_):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.uploading")
        partial.write_bytes(value)
        if mode == "create":
            try:
                os.link(partial, path)
            finally:
                partial.unlink()
        else:
            os.replace(partial, path)


if __name__ == "__main__":
    from jaxamp.cli.main import main

    stand_in(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
