"""Submissions that reach out of their process, or must be waited for: kills, loops, floods, children."""

from pathlib import Path

from tests.course_kit.grading.hostile import Case, first_cell
from tests.course_kit.grading.tiny_assignment import filled

LEAVES_PROCESSES = """
    import os, signal, subprocess, sys
    deaf = "import signal, time\\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\\ntime.sleep(61.25)"
    subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", deaf])
        os._exit(0)
"""


def probes(outside: Path, port: int, sysv: bool = True) -> list[str]:
    """Cells that reach out of a sandbox; each prints its name and HELD, or ESCAPED.

    Parameters
    ----------
    outside : a file of the teacher's, beside a socket "socket" that listens
    port : where the teacher's machine listens
    sysv : whether shared memory of System V is tried
    """
    place = str(outside)
    reaching = {
        "read": f"open({place!r}).read()",
        "list": f"os.listdir({str(outside.parent)!r})",
        "write": f"open({place!r}, 'a').write('x')",
        "chmod": f"os.chmod({place!r}, 0o777)",
        "utime": f"os.utime({place!r}, (0, 0))",
        "xattr": f"os.setxattr({place!r}, 'user.x', b'1')",
        "unlink": f"os.unlink({place!r})",
        "instructor": "os.listdir(course / 'notebooks')",
        "models": "os.listdir(course / 'data' / 'models')",
        "results": "os.listdir(course / 'results')",
        "package": "open(course / 'course_kit' / 'checks' / 'algebra.py', 'a')",
        "python": "os.chmod(sys.executable, 0o777)",
        "root": "open('/new', 'w')",
        "device": "open('/dev/new', 'w')",
        "socket": f"socket.socket(socket.AF_UNIX).connect({str(outside.parent / 'socket')!r})",
        "network": f"socket.create_connection(('127.0.0.1', {port}), timeout=2)",
        "memfd": "os.memfd_create('x')",
        "users": "subprocess.run(['unshare', '-U', 'true'], check=True, capture_output=True)",
        "disk": "fill('unlinked')",
        "shared": "fill('/dev/shm/x')",
        "temporary": "fill('/tmp/x')",
        "secret": "find_secret()",
        "others": "len([p for p in os.listdir('/proc') if p.isdecimal()]) < 30 and 1 / 0",
    }
    if sysv:
        reaching["sysv"] = "ctypes.CDLL(None).shmget(0, 1 << 20, 0o1600) >= 0 or os.strerror(1 / 0)"
    begin = """
        import ctypes, os, pathlib, socket, subprocess, sys, tucker_core
        course = pathlib.Path(tucker_core.__file__).parents[1]
        def fill(path):
            with open(path, "wb") as file:
                os.unlink(path)
                for _ in range(400):
                    file.write(bytes(1 << 20))
        def find_secret():
            for number in [n for n in os.listdir("/proc") if n.isdecimal()]:
                try:
                    found = b"ADA_TEST_SECRET" in open(f"/proc/{number}/environ", "rb").read()
                except PermissionError:
                    continue
                if found:
                    return
            raise OSError("nowhere")
        def probe(name, action):
            try:
                action()
            except Exception as error:
                print(name, "HELD", type(error).__name__)
            else:
                print(name, "ESCAPED")
        """
    cells = [f"probe({name!r}, lambda: {action})" for name, action in reaching.items()]
    return [begin, "\n".join(cells)]


def killers() -> dict[str, Case]:
    """Submissions that end their own kernel, or more: what they did not end keeps its points."""
    return {
        "exit": Case(
            filled("who", {"double": "def double(x):\n    import os\n    os._exit(0)"}),
            (0, 3), "exit code 0",
        ),
        "quit_in_test": Case(
            filled("who", {"double": "def double(x):\n    raise SystemExit(0)"}), (0, 3), "SystemExit"
        ),
        "kills": Case(first_cell("import os\nos.kill(os.getppid(), 9)"), (2, 3)),
        "kills_all": Case(first_cell("import os\nos.kill(-1, 9)"), (2, 3)),
        "crash": Case(first_cell("import ctypes\nctypes.string_at(0)"), (2, 3), "SIGSEGV"),
        "closes": Case(first_cell("import os\nos.closerange(0, 200)"), (2, 3)),
    }  # fmt: skip


def slow_cases() -> dict[str, Case]:
    """Submissions that must be waited for, or that start processes."""
    hog = "x = np.ones(350 * 2**20 // 8)\n    time.sleep(8)\n    os._exit(0)"
    return {
        "loop": Case(first_cell("while True:\n    pass"), (2, 3), "stopped after"),
        "deaf_loop": Case(
            first_cell("""
                import signal
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                while True:
                    pass
            """), (2, 3), "no end",
        ),
        "loop_in_test": Case(
            filled("who", {"rows": "def rows(x):\n    while True:\n        pass"}), (2, 0), "no end after"
        ),
        "many_calls": Case(
            filled("who", {"rows": "def rows(x):\n    import time\n    time.sleep(9)"}),
            (2, 0), "no end after",
        ),
        "prints": Case(
            first_cell("for _ in range(60):\n    print('x' * 1_000_000)"), (2, 3), "more characters"
        ),
        "prints_below": Case(
            first_cell("import os\nfor _ in range(100):\n    os.write(1, b'x' * 1_000_000)"), (2, 3)
        ),
        "children": Case(first_cell(LEAVES_PROCESSES), (2, 3)),
        "many": Case(
            first_cell("""
                import subprocess, time
                for _ in range(80):
                    subprocess.Popen(["sleep", "61.25"])
                time.sleep(3)
            """), (2, 3), "processes",
        ),
        "memory_of_many": Case(
            first_cell(f"import os, time\nfor _ in range(7):\n  if os.fork() == 0:\n    {hog}\n"
                "time.sleep(7)"),
            (2, 3), "of memory",
        ),
        "array": Case(first_cell("huge = np.ones(10 * 2**30 // 8)"), (2, 3), "Unable to allocate"),
        "recursion": Case(first_cell("def f():\n    f()\nf()"), (2, 3), "RecursionError"),
        "huge_answer": Case(
            filled("who", {"double": "def double(x):\n    return [0.0] * 10**7"}), (0, 3), "parts"
        ),
        "endless_answer": Case(
            filled("who", {"double": "import itertools\ndef double(x):\n    return itertools.count()"}),
            (0, 3), "parts",
        ),
        "digits": Case(
            filled("who", {"double": "def double(x):\n    return 10 ** 5000"}), (0, 3), "digits"
        ),
        "surrogates": Case(
            first_cell("print('\\ud800 \\x1b[2J')\nraise ValueError('\\udfff')"), (2, 3), "\\\\ud800"
        ),
    }  # fmt: skip
