"""The words that the container understands."""

import pytest

pytestmark = pytest.mark.slow

RUN, TRAIN = "trader run --catch-up", "trader train --if-due --unless-external"


@pytest.mark.parametrize(
    "words", [("run",), ("train", "--symbol", "BTC USDT"), ("api", "--port", "8000"), ("--version",), ("bogus",)]
)
def test_every_other_word_is_a_command_of_trader_and_its_exit_code_the_containers(machine, words):
    machine.program("trader", 'printf "<%s>\\n" "$@"; exit 5')
    assert machine.run("entrypoint.sh", *words) == 5
    assert machine.said() == [f"<{word}>" for word in words]


def test_once_is_a_run_and_its_training(machine):
    assert machine.run("entrypoint.sh", "once") == 0
    assert machine.said() == [RUN, TRAIN]
    assert not (machine.run_dir / "cron.pid").exists()


@pytest.mark.parametrize("word", ["cron", "once"])
def test_a_stray_word_is_refused_before_anything_happens(machine, word):
    assert machine.run("entrypoint.sh", word, "now") == 2
    assert machine.said("err") == [
        f"error: `{word}` takes no more words, not `now`; settings come from the environment"
    ]
    assert machine.said() == []


@pytest.mark.parametrize("words", [(), ("run",), ("once",)])
def test_root_is_refused(machine, words):
    machine.program("id", "echo 0")
    assert machine.run("entrypoint.sh", *words) == 3
    assert machine.said("err")[0].startswith("error: this container never runs as root")
    assert machine.said() == []


@pytest.mark.parametrize("word", ["worker", "scheduler"])
def test_dask_gets_its_words_and_no_dashboard(machine, word):
    machine.program("dask", 'echo "dask $*"')
    assert machine.run("entrypoint.sh", word, "tls://scheduler:8786", "--nthreads", "2") == 0
    assert machine.said() == [f"dask {word} --no-dashboard tls://scheduler:8786 --nthreads 2"]


def test_an_image_without_dask_says_how_to_build_one_with_it(machine):
    assert machine.run("entrypoint.sh", "worker", "tcp://scheduler:8786") == 3
    (line,) = machine.said("err")
    assert "`worker` needs Dask" in line
    assert "--build-arg EXTRAS=dist" in line


@pytest.mark.parametrize("words", [(), ("cron",)])
def test_without_words_it_is_cron(clocked, words):
    clocked.start("entrypoint.sh", *words)
    clocked.until(f"cron is up: 1 line(s) in {clocked.folder / 'cron-job'}")
    assert clocked.said()[0] == RUN
