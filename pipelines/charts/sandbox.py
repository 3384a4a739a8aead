"""Run drawing code in a child process that may not do anything else, to see whether it draws.

The child has limits on time, memory, file size and processes, an empty environment and a folder of its own. Libraries are
imported before the code; from then on an audit hook refuses sockets, child processes, foreign libraries, and any file
that is written outside the folder. This guards against accidents and plain mischief of generated code; it is no wall
against an attacker who knows a hole in the interpreter.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SECONDS = 30
MEGABYTES = 2048

_CHILD = """
import os, sys
folder, megabytes, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
try:
    import resource
    limits = (("RLIMIT_AS", megabytes << 20), ("RLIMIT_CPU", seconds), ("RLIMIT_FSIZE", 32 << 20), ("RLIMIT_CORE", 0))
    for name, value in limits:
        resource.setrlimit(getattr(resource, name), (value, value))
except ImportError:
    pass
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import matplotlib.backends.backend_agg
from PIL import PngImagePlugin
plt.figure().canvas.draw()
plt.close("all")
with open(os.path.join(folder, "code.py"), encoding="utf-8") as file:
    code = compile(file.read(), "chart.py", "exec")
root = os.path.realpath(folder) + os.sep
REFUSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.", "ctypes.",
           "os.kill", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.mkdir",
           "os.truncate", "os.putenv", "shutil.", "signal.", "mmap.", "ftplib.", "urllib.", "http.", "smtplib.", "webbrowser.")
def guard(event, arguments):
    if event.startswith(REFUSED):
        raise PermissionError("the drawing code may not use " + event)
    if event == "open":
        path, mode, flags = arguments
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND))
        if writes and not (isinstance(path, (str, bytes)) and os.path.realpath(os.fsdecode(path)).startswith(root)):
            raise PermissionError("the drawing code may not write " + repr(path))
sys.addaudithook(guard)
exec(code, {"__name__": "__main__"})
figures = plt.get_fignums()
if not figures:
    raise SystemExit("the code made no figure")
plt.figure(figures[-1]).savefig(os.path.join(folder, "out.png"), dpi=100)
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """How the run ended: `image` holds the PNG if it drew, `problem` says in one line why it did not."""

    image: bytes | None
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether a picture came out."""
        return self.image is not None


def can_run_code() -> bool:
    """Whether matplotlib is installed (extra `charts`)."""
    return find_spec("matplotlib") is not None


def run_code(code: str, *, seconds: int = SECONDS, megabytes: int = MEGABYTES) -> Drawn:
    """Run the code and return its last figure as PNG, or why there is none. Never raises for what the code does."""
    with tempfile.TemporaryDirectory(prefix="dsvl2-chart-") as name:
        folder = Path(name)
        (folder / "code.py").write_text(code, encoding="utf-8")
        command = [sys.executable, "-I", "-c", _CHILD, name, str(megabytes), str(seconds)]
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd=name,
                env=_environment(name),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return Drawn(None, f"it did not end within {seconds} s")
        picture = folder / "out.png"
        if done.returncode == 0 and picture.is_file():
            return Drawn(picture.read_bytes())
        return Drawn(None, _reason(done))


def _environment(folder: str) -> dict[str, str]:
    """Return an environment without secrets; the font list of earlier runs is used, as making it takes seconds."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT", "MPLCONFIGDIR") if name in os.environ
    }
    return {**kept, "TMPDIR": folder, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    if done.returncode < 0:
        return f"it was stopped by signal {-done.returncode}: over its limit of time or memory"
    return lines[-1][:300] if lines else f"it ended with code {done.returncode}"
