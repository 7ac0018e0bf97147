"""No command looks up a name, opens a socket outward, or leaves what the documents do not name.

Python's own sockets are seen by an audit hook, those of native code by strace where it is there.
Each command runs in a process of its own with an empty home.
"""

import ipaddress
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest

from nachash import plugins, telemetry

# Told to every process before its first line: notes names and addresses, and lets it go on.
WATCH = """
import os, sys
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
LOOKS_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
def watched(event, arguments):
    if event in CONNECTS and isinstance(arguments[-1], tuple):
        place = arguments[-1][0]
    elif event in LOOKS_UP:
        place = arguments[0]
    else:
        return
    with open(os.environ["WATCHED"], "a", encoding="utf-8") as file:
        print(place, file=file)
sys.addaudithook(watched)
"""
# Below the home, as docs/security.md says.
DOCUMENTED = (".cache/nachash", ".local/state/nachash")
VAE = "--batch-size 50 --latent 8 --iw-samples 2 --epochs 1 --workers 0"
FAST = {
    "encode": "encode images new.h5 --model runs/model",
    "search": "search query.jpg --index out.h5 --html page.html",
    "dedup": "dedup out.h5",
}
SLOW = {
    "train": "train --epochs 1 --out new-model",
    "eval-map": "eval-map --index out.h5 --plot curve.png",
    "calibrate": "calibrate out.h5",
    "demo": "demo --out demo --epochs 1",
    "linear": "linear --dataset digits --plot linear.png",
    "vae": f"vae images {VAE} --out starts",
    "expressivity": "expressivity --toy",
    "compare": "compare --dataset digits --methods lsh --bits 8 --size 8 --out cells --plot c.png",
    "noise-sweep": (
        "noise-sweep --dataset digits --p 0.2 --bits 8 --epochs 1 --size 8 --backbone small "
        "--out sweep --plot n.png"
    ),
    "serve": "serve out.h5 --port 0",
    "index add": "index add {images} --index out.h5",
    "index compact": "index compact out.h5",
    "index export": "index export codes.parquet --index out.h5",
    "index info": "index info out.h5",
    "index merge": "index merge out.h5 out.h5 merged.h5",
    "index migrate": "index migrate out.h5",
    "index relocate": "index relocate {images} images --index out.h5",
    "index remove": "index remove 3 --index out.h5",
    "index repair": "index repair out.h5",
    "index restore": "index restore --index out.h5",
    "index verify": "index verify out.h5",
}


@pytest.fixture
def place(indexed_digits, tmp_path):
    """A copy of the indexed digits beside an empty home and an empty temporary folder."""
    shutil.copytree(indexed_digits, tmp_path / "work", symlinks=True)
    for name in ("home", "temporary", "watch"):
        (tmp_path / name).mkdir()
    (tmp_path / "watch/sitecustomize.py").write_text(WATCH, encoding="utf-8")
    return tmp_path


def environment(place):
    ours = ("NACHASH_", "XDG_", "ORT_", "HF_", "MPL", "NUMBA_", "TORCH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "temporary"),
        "WATCHED": str(place / "watched"),
        "PYTHONPATH": os.pathsep.join([str(place / "watch"), os.environ.get("PYTHONPATH", "")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def traced(place):
    """What is put before a command, for its native code to be seen."""
    if (strace := shutil.which("strace")) is None:
        return []
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    return [strace, "-f", "--seccomp-bpf", "-qq", "-e", calls, "-o", str(place / "traced")]


def finished(place, command):
    """Exit code and messages; a server is ended as soon as it says where it serves."""
    arguments = [*traced(place), sys.executable, "-m", "nachash", *command.split()]
    process = subprocess.Popen(
        arguments,
        cwd=place / "work",
        env=environment(place),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    told = ""
    if command.startswith("serve"):
        told = process.stderr.readline()
        with urllib.request.urlopen(re.search(r"http\S+", told)[0], timeout=60) as page:
            page.read()
        os.killpg(process.pid, signal.SIGINT)
    _, rest = process.communicate(timeout=600)
    return process.returncode, told + rest


def outward(place):
    """Names that were looked up and addresses of other machines, by Python or by native code."""
    native = r'inet_(?:addr\(|pton\(AF_INET6, )"([^"]+)"'
    found = {*lines(place / "watched"), *re.findall(native, "\n".join(lines(place / "traced")))}
    return sorted(each for each in found if not own(each))


def lines(path):
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def own(address):
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def left_behind(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    )


def check(place, command):
    code, told = finished(place, command)

    assert code in (0, 5), told
    assert outward(place) == []
    assert [file for file in left_behind(place / "home") if not file.startswith(DOCUMENTED)] == []
    assert left_behind(place / "temporary") == []


def test_every_command_is_here():
    groups = {f"index {name}" for name in plugins.names("cli.index")}

    assert FAST.keys() | SLOW.keys() == set(plugins.names("cli")) | groups


@pytest.mark.parametrize("name", FAST)
def test_nothing_leaves(name, place):
    check(place, FAST[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_nothing_leaves_by_any_other_command(name, place, indexed_digits):
    check(place, SLOW[name].format(images=indexed_digits / "images"))


def test_what_would_leave_is_seen(place):
    """The watch itself: a name, a socket of Python, and one of native code."""
    script = (
        "import ctypes, socket, struct, contextlib\n"
        "with contextlib.suppress(OSError):\n    socket.getaddrinfo('example.invalid', 80)\n"
        "with socket.socket(type=socket.SOCK_DGRAM) as s, contextlib.suppress(OSError):\n"
        "    s.connect(('192.0.2.1', 9))\n"
        "libc = ctypes.CDLL(None)\n"
        "fd = libc.socket(2, 2, 0)\n"
        "libc.connect(fd, struct.pack('=H', 2) + struct.pack('>H', 9) + bytes([192, 0, 2, 7])"
        " + bytes(8), 16)\n"
    )
    subprocess.run(
        [*traced(place), sys.executable, "-c", script], env=environment(place), check=True
    )

    found = " ".join(outward(place))
    assert "example.invalid" in found
    assert "192.0.2.1" in found
    assert not shutil.which("strace") or "192.0.2.7" in found


def test_reports_are_off_for_whoever_imports_nachash_first():
    """Also where the user had set something else, in this process and in its children."""
    script = "import nachash, os; print(*(os.environ[name] for name in nachash.telemetry.SWITCHES))"
    wanted = {**os.environ, **dict.fromkeys(telemetry.SWITCHES, "0")}

    ran = subprocess.run(
        [sys.executable, "-c", script], env=wanted, capture_output=True, text=True, check=True
    )

    assert ran.stdout.split() == list(telemetry.SWITCHES.values())
