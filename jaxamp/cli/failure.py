"""Why a job of a sweep failed: a small file in its folder, until it is tried again."""

import contextlib
import dataclasses
import traceback
from pathlib import Path

from jaxamp.cli.folder import ForeignFolderError, discard_if_empty, write_json
from jaxamp.cli.main import is_mistake, said
from jaxamp.core.small_files import small_json

NAME = "failure.json"


@dataclasses.dataclass(frozen=True)
class Failure:
    """What went wrong, in words and as Python has it."""

    message: str
    trace: str = ""

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The failure that an exception stands for."""
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, Exception) and is_mistake(error):
            return cls(said(error), trace)
        if out_of_memory(error):
            return cls(
                "It ran out of memory. Try train.microbatch=1, a smaller train.batch "
                "or train.outputs, or fewer jobs at once.",
                trace,
            )
        return cls(
            f"It failed unexpectedly: {type(error).__name__}: {error}. This is a fault "
            f"of the program; {NAME} in its folder has the traceback.",
            trace,
        )


def out_of_memory(error: BaseException) -> bool:
    """Whether Python or the device had no memory left."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def leave_failure(folder: Path, error: Exception) -> None:
    """Leaves the failure where the job would have left its result.

    Not where no job has begun, or in a folder that is someone else's; and a disk that
    takes no reason either must not hide it.
    """
    discard_if_empty(folder)
    if isinstance(error, ForeignFolderError) or not (folder / "config.yaml").is_file():
        return
    with contextlib.suppress(OSError):
        write_json(folder / NAME, dataclasses.asdict(Failure.of(error)))


def read_failure(folder: Path) -> Failure | None:
    """The failure of a job's last try, if it failed."""
    try:
        written = small_json(folder / NAME)
        return Failure(str(written["message"]), str(written["trace"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
