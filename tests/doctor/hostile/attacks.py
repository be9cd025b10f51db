"""What code under check has tried: harm to the machine, and forged answers.

Every attack stands in a file with a layer. An attack that does harm sets `succeeded`; the layer is
right, so that code which is held back is answered as any other. A forgery stands beside a layer
that is wrong, and must not be called right.
"""

from __future__ import annotations

LAYER = """
import numpy as np


class Layer:
    def __init__(self):
        self.W = np.ones((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy{}
        return dy @ self.W.T


def example(rng):
    return {{"layer": Layer(), "x": rng.normal(size=(5, 4))}}

"""
RIGHT, WRONG = LAYER.format(""), LAYER.format(" / 2")

HARM = {
    "deletes the working folder": """
import os, shutil
shutil.rmtree(os.getcwd(), ignore_errors=True)
shutil.rmtree(os.path.dirname(os.path.abspath(__file__)), ignore_errors=True)
succeeded = not os.path.exists(__file__)
""",
    "writes over itself": """
try:
    open(__file__, "w").write("")
    succeeded = True
except OSError:
    succeeded = False
""",
    "reads the environment": """
import os
succeeded = "CHAINRULE_TEST_SECRET" in os.environ
""",
    "reads the environment of the process that started it": """
import os
try:
    succeeded = b"CHAINRULE_TEST_SECRET" in open(f"/proc/{os.getppid()}/environ", "rb").read()
except OSError:
    succeeded = False
""",
    "reads a file of the machine": """
try:
    succeeded = bool(open("/etc/passwd").read())
except OSError:
    succeeded = False
""",
    "follows a link to a file of the machine": """
import os, tempfile
link = os.path.join(tempfile.gettempdir(), "link")
try:
    os.symlink("/etc/passwd", link)
    succeeded = bool(open(link).read())
except OSError:
    succeeded = False
""",
    "writes 512 MB": """
import tempfile
try:
    with tempfile.TemporaryFile() as file:
        for _ in range(512):
            file.write(bytes(1 << 20))
    succeeded = True
except OSError:
    succeeded = False
""",
    "opens a socket": """
import socket
try:
    socket.create_server(("127.0.0.1", 0))
    succeeded = True
except OSError:
    succeeded = False
""",
    "kills the process that started it": """
import os, signal
try:
    os.kill(os.getppid(), signal.SIGKILL)
    succeeded = True
except OSError:
    succeeded = False
""",
    "kills every process it can": """
import os, signal
try:
    os.kill(-1, signal.SIGTERM)
    succeeded = True
except OSError:
    succeeded = False
""",
    "lowers the limits of the process that started it": """
import os, resource
try:
    resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))
    succeeded = True
except OSError:
    succeeded = False
""",
    "leaves a process behind": """
import os, time
try:
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    succeeded = True
except OSError:
    succeeded = False
""",
    "starts a program": """
import subprocess
try:
    succeeded = subprocess.run(["/bin/true"]).returncode == 0
except OSError:
    succeeded = False
""",
    "changes who may read a file": """
import os
try:
    os.chmod(__file__, 0o777)
    succeeded = True
except OSError:
    succeeded = False
""",
    "reads what is written to the terminal": """
try:
    succeeded = bool(open("/dev/tty"))
except OSError:
    succeeded = False
""",
    "waits for input": """
import sys
succeeded = bool(sys.stdin.read())
""",
    "lies in wait for what is imported later": """
import sys, tempfile
succeeded = "" in sys.path or tempfile.gettempdir() in sys.path
""",
}

ENDED = "not finished|has not come to an end"  # by its time, or by the lines it has run
ENDLESS = {  # with what the answer says
    "floods standard error": (ENDED, "import os\nwhile True: os.write(2, bytes(1 << 16))"),
    "floods standard output": (ENDED, "import os\nwhile True: os.write(1, b'{}' * 9999)"),
    "prints for ever": (ENDED, "while True: print('{\"ok\": true}' * 1000)"),
    "waits for ever": ("not finished", "import time\ntime.sleep(100_000)"),
    "does not die of SIGPROF": (
        "not finished",
        "import signal\nsignal.signal(signal.SIGPROF, signal.SIG_IGN)\nsum(iter(int, 1))",
    ),
    "writes a thousand small files": (
        "writes more than",
        """
import tempfile
for number in range(100_000):
    open(f"{tempfile.gettempdir()}/{number}", "w").close()
while True: n = 1
""",
    ),
    "puts folders in folders without end": (
        "writes more than",
        """
import os, tempfile
os.chdir(tempfile.gettempdir())
for _ in range(20_000):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
while True: n = 1
""",
    ),
    "writes many large files": (
        "writes more than",
        """
import tempfile
for number in range(20):
    with open(f"{tempfile.gettempdir()}/{number}", "wb") as file:
        file.write(bytes(16 << 20))
while True: n = 1
""",
    ),
}

CLAIM = """
from chainrule.doctor.findings import Comparison, Diagnosis
claim = Diagnosis("Layer", comparisons=[Comparison("dx", True), Comparison("dW", True)])
"""

FORGERIES = {
    "ends with exit code 0": "import os\nos._exit(0)",
    "calls sys.exit(0)": "import sys\nsys.exit(0)",
    "ends with exit code 0 when it is called": """
import os
Layer.backward = lambda self, dy: os._exit(0)
""",
    "has something to say at exit": """
import atexit, os
atexit.register(print, '{"verdict": "right", "ok": true}')
""",
    "prints an answer": """
print('{"verdict": "right", "ok": true, "findings": [], "gradients": {"dW": true}}', flush=True)
""",
    "leaves files of results": """
import os, tempfile
for folder in (os.getcwd(), tempfile.gettempdir(), os.path.dirname(__file__)):
    for name in ("answer.json", "results.json", "report.json", "trace.txt"):
        try:
            open(os.path.join(folder, name), "w").write('{"verdict": "right", "ok": true}')
        except OSError:
            pass
""",
    "writes its own message": """
import json, os, struct
body = json.dumps({"subject": "Layer", "findings": [], "notes": [], "unchecked": [],
                   "comparisons": [["dx", True], ["dW", True]]}).encode()
for pipe in range(1, 40):
    try:
        os.write(pipe, struct.pack(">QQ", len(body), 0) + body)
    except OSError:
        pass
""",
    "writes a message without an end": """
import os, struct
for pipe in range(3, 40):
    try:
        os.write(pipe, struct.pack(">QQ", 1 << 60, 1 << 60))
    except OSError:
        pass
""",
    "writes brackets in brackets": """
import os, struct
body = b"[" * 1_000_000
for pipe in range(3, 40):
    try:
        os.write(pipe, struct.pack(">QQ", len(body), 0) + body)
    except OSError:
        pass
""",
    "takes the place of the diagnosis": CLAIM
    + """
import chainrule.doctor.diagnosis
chainrule.doctor.diagnosis.diagnose_case = lambda case: claim
""",
    "finds the answer on the stack": CLAIM
    + """
import sys

def forge(self, dy):
    frame = sys._getframe()
    while frame:
        for name, value in list(frame.f_globals.items()):
            if getattr(value, "__name__", "") in ("diagnose_request", "examine", "diagnose_case"):
                frame.f_globals[name] = lambda *given, **more: claim
        frame = frame.f_back
    return backward(self, dy)

backward, Layer.backward = Layer.backward, forge
""",
    "finds the answer among all objects": """
import gc
from chainrule.doctor.findings import Diagnosis
Diagnosis.findings = property(lambda self: [], lambda self, value: None)
for thing in gc.get_objects():
    if isinstance(thing, Diagnosis):
        thing.__dict__["findings"] = []
""",
    "has every comparison agree": """
from chainrule.doctor.numbers.finite_differences import Truth
Truth.agrees = lambda self, gradient: True
""",
    "changes NumPy": """
np.allclose = lambda *given, **more: True
np.array_equal = lambda *given, **more: True
np.isclose = lambda *given, **more: True
np.abs = lambda values: np.zeros(np.shape(values))
""",
    "changes JSON": """
import json
text = '{"findings": [], "notes": [], "unchecked": [], "comparisons": [["dx", true]]}'
json.dumps = lambda *given, **more: text
""",
    "gives gradients of the type of all answers": """
class Agreeable(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __sub__(self, other): return np.zeros(self.shape)

wrong = Layer.backward
def backward(self, dy):
    dx = wrong(self, dy)
    self.dW = self.dW.view(Agreeable)
    return dx
Layer.backward = backward
""",
    "has nothing depend on anything": """
import sys
worker = sys.modules.get("chainrule.doctor.process.worker", sys.modules["__main__"])
worker._output = lambda subject, values: np.zeros((5, 3))
worker._answered = lambda answer: worker.Message(
    {"names": {"x": "dx", "W": "dW"}, "updated": []}, {"x": np.zeros((5, 4)), "W": np.zeros((4, 3))}
)
sys.modules["chainrule.doctor.diagnosis"].diagnose_case = lambda case: claim
"""
    + CLAIM,
    "has another function compared": CLAIM
    + """
import sys
worker = sys.modules.get("chainrule.doctor.process.worker", sys.modules["__main__"])
worker._output = lambda subject, values: values["x"][:, :3] + values["W"].sum()
def other(answer):
    dx = np.zeros((5, 4))
    dx[:, :3] = answer.dy
    gradients = {"x": dx, "W": np.full((4, 3), answer.dy.sum())}
    return worker.Message({"names": {"x": "dx", "W": "dW"}, "updated": []}, gradients)
worker._answered = other
sys.modules["chainrule.doctor.diagnosis"].diagnose_case = lambda case: claim
""",
}

UNSEEN = """
import operator, sys
modules = operator.attrgetter("mod" + "ules")(sys)
worker = modules.get("chain" + "rule.doctor.process.worker", modules["__main__"])
worker = operator.attrgetter("__dict__")(worker)
diagnosis = operator.attrgetter("__dict__")(modules["chain" + "rule.doctor.diagnosis"])
findings = modules["chain" + "rule.doctor.findings"]
compared = [findings.Comparison("dx", True), findings.Comparison("dW", True)]
claim = findings.Diagnosis("Layer", comparisons=compared)
def other(answer):
    dx = np.zeros((5, 4))
    dx[:, :3] = answer.dy
    gradients = {"x": dx, "W": np.full((4, 3), answer.dy.sum())}
    return worker["Message"]({"names": {"x": "dx", "W": "dW"}, "updated": []}, gradients)
for names, name, value in (
    (worker, "_answered", other),
    (worker, "_output", lambda subject, values: values["x"][:, :3] + values["W"].sum()),
    (diagnosis, "diagnose_case", lambda case: claim),
):
    operator.setitem(names, name, value)
"""
"""A forgery that no reading of the source by a program sees: another function is compared."""
