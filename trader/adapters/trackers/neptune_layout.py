"""How a dispatch looks in Neptune: which value becomes which field. Every function only hands over to the client.

p_up, equity/paper_net, ...       series; the step is the run's index, the time the kline's close
parameters/<name>, tags/<name>    texts; the tags' values are in sys/tags, too
static-img/equity, data/results   files, by their names without the ending
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from trader.core.tracking import Dispatch, Step

_NAMES = uuid.UUID("5b8a6d0e-6b1b-5d0c-9a53-4f4f0c5a7e11")
_BATCH = 100


def own_id(dispatch: Dispatch) -> uuid.UUID:
    """Return an id of the tracked run that follows from its name: 36 characters, the most that a custom id may have."""
    return uuid.uuid5(_NAMES, f"{dispatch.experiment}\n{dispatch.run}")


def batches(steps: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Cut steps into what one request may hold."""
    for begin in range(0, len(steps), _BATCH):
        yield steps[begin : begin + _BATCH]


def describe(run: Any, dispatch: Dispatch) -> None:
    """Set tags and parameters."""
    for name, value in dispatch.tags.items():
        run[f"tags/{name}"] = value
    if dispatch.tags:
        run["sys/tags"].add(list(dict.fromkeys(dispatch.tags.values())))
    for name, value in dispatch.params.items():
        run[f"parameters/{name}"] = value


def append(run: Any, steps: Sequence[Step]) -> None:
    """Append steps to the series of their metrics."""
    for name in sorted({name for step in steps for name in step.metrics}):
        points = [step for step in steps if name in step.metrics]
        run[name].extend(
            [step.metrics[name] for step in points],
            steps=[step.number for step in points],
            timestamps=[step.at.timestamp() for step in points],
        )


def upload(run: Any, files: Mapping[str, str], *, file: Any) -> None:
    """Upload files by their content: the sender's are gone before an offline run is synchronised."""
    for name, path in files.items():
        content = Path(path).read_bytes()
        run[field_of(name)].upload(file.from_content(content, extension=PurePosixPath(name).suffix.removeprefix(".")))


def field_of(name: str) -> str:
    """Return the field of a file: its name without the ending, as in `static-img/equity`.

    A CSV keeps it (`data/results_csv`), because the same table is also there as a page (`data/results`).
    """
    kept = PurePosixPath(name)
    return str(kept.with_name(f"{kept.stem}_csv") if kept.suffix == ".csv" else kept.with_suffix(""))
