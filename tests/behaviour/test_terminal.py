"""The end of a terminal (SIGHUP): it ends what runs on it, but not what nohup started, and not a daemon."""
import fcntl
import os
import pty
import signal
import subprocess
import termios
import time

from test_cancel import WAITING


def test_nohup(gantry, repository, host):
    repository.commit(WAITING.replace("MARKER", host.marker))
    run = gantry("run", "--json", "--offline", prefix=("nohup",))
    run.wait_log("now waiting")
    os.killpg(run.process.pid, signal.SIGHUP)
    time.sleep(1)
    assert run.process.poll() is None and not run.of("job.completed")
    run.interrupt()
    assert run.finish() == 130
    host.assert_clean(repository)


def test_a_run_ends_with_its_terminal(gantry, repository, host):
    repository.commit(WAITING.replace("MARKER", host.marker))
    run = gantry("run", "--json", "--offline")
    run.wait_log("now waiting")
    os.killpg(run.process.pid, signal.SIGHUP)
    assert run.finish() == 130
    host.assert_clean(repository)


def on_terminal():
    """What a process does before it becomes gantry: its standard input is its terminal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def serve(gantry, repository, streams, *options, **more):
    return program(gantry, repository, streams, "serve", "--port", "0", "--state", str(repository.folder / "state"), *options,
                   **more)


def program(gantry, repository, streams, *words, **more):
    words = [str(gantry.bin / "gantry"), *words]
    env = {"PATH": "/usr/bin:/bin", "GANTRY_HOME": str(repository.home), "HOME": str(repository.folder / "home"),
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
    return subprocess.Popen(words, stdin=streams[0], stdout=streams[1], stderr=subprocess.STDOUT, env=env, start_new_session=True,
                            **more)


def test_a_service_ends_with_its_terminal(gantry, repository):
    master, slave = pty.openpty()
    process = serve(gantry, repository, (slave, slave), preexec_fn=on_terminal)
    os.close(slave)
    assert b"http://" in os.read(master, 4096)
    os.close(master)
    assert process.wait(timeout=20) == 0


def test_a_service_without_a_terminal_does_not(gantry, repository):
    process = serve(gantry, repository, (subprocess.DEVNULL, subprocess.PIPE))
    assert b"http://" in process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def read_until(fd, text):
    seen = b""
    while text not in seen:
        seen += os.read(fd, 4096)
    return seen


def test_a_runner_ends_with_its_terminal(gantry, repository):
    """And on one it says each thing once: without the lines of the log."""
    jit = repository.folder / "jit"
    service = serve(gantry, repository, (subprocess.DEVNULL, subprocess.PIPE), "--jit-out", str(jit))
    assert b"http://" in service.stdout.readline()
    master, slave = pty.openpty()
    process = program(gantry, repository, (slave, slave), "start", "--jitconfig-file", str(jit), preexec_fn=on_terminal)
    os.close(slave)
    assert b" info " not in read_until(master, b"Listening for Jobs\r\n")
    os.close(master)
    assert process.wait(timeout=20) == 0
    service.terminate()
    assert service.wait(timeout=20) == 0
    assert b'"runner":"gantry-1"' in service.stdout.read()
    service.stdout.close()
