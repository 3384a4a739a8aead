"""The review page in a real browser: it opens, takes corrections, saves and loads them, and touches no network.

Skipped where no Chromium is installed (`apt-get install chromium`). A small script at the end of the page does what a
person would do and writes down what it saw.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dsvl2.pipelines.review import apply_corrections, data_uri, parse_corrections, review_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium"), pytest.mark.slow]

PLAY = """
<pre id="seen"></pre><script>
(async () => {
  const seen = {};
  let saved = null;
  URL.createObjectURL = (blob) => { saved = blob; return "#saved"; };
  const line = (id) => document.querySelector(`[data-id="${id}"]`);
  const type = (id, text) => {
    const node = line(id);
    node.focus();
    node.textContent = text;
    node.dispatchEvent(new InputEvent("input", { bubbles: true }));
    node.blur();
  };
  // reading a file takes real time, of which the browser's virtual clock knows nothing: wait by reading others
  const until = async (done) => { for (let k = 0; k < 500 && !done(); k++) await new Blob(["x"]).text(); };
  const save = async () => { document.getElementById("save").click(); return JSON.parse(await saved.text()); };
  try {
    %s
  } catch (error) { seen.error = String(error.stack || error); }
  document.getElementById("seen").textContent = "SEEN" + JSON.stringify(seen) + "NEES";
})();
</script>
"""


def _document() -> Any:
    spec = spec_from_file_location("corrections_test", Path(__file__).with_name("test_corrections.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.document()


class Proxy:
    """A port that every request of the browser would have to go through, and the first bytes of each that came.

    Browsers open connections ahead of need, which end without a byte, at any time: nothing was asked for by these.
    """

    def __init__(self, server: socket.socket) -> None:
        self.port: int = server.getsockname()[1]
        self.asked: list[bytes] = []
        self._server = server
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            self._clients.append(client)  # each in a thread of its own: an idle one holds up no other
            self._threads.append(threading.Thread(target=self._listen, args=(client,)))
            self._threads[-1].start()

    def _listen(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # reset
            first = client.recv(200)
            if first:
                self.asked.append(first)

    def close(self) -> None:
        """Stop listening, and end the connections that are still idle."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for client in self._clients:
            with suppress(OSError):  # closed already
                client.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server)
        yield proxy
        proxy.close()


def play(page: str, script: str, folder: Path, port: int) -> dict[str, Any]:
    """Open the page, run the script in it, and return what it saw."""
    path = folder / "review.html"
    path.write_text(page.replace("</body>", PLAY % script + "</body>"), encoding="utf-8")
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-default-apps", "--no-first-run",
        "--disable-features=OptimizationHints,MediaRouter,NetworkTimeServiceQuerying", f"--user-data-dir={folder / 'profile'}",
        f"--proxy-server=127.0.0.1:{port}", "--proxy-bypass-list=<-loopback>",
        "--virtual-time-budget=4000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=900)
    found = re.search(r"SEEN(.*?)NEES</pre>", done.stdout.decode(), re.DOTALL)
    assert found is not None, done.stderr.decode()[-2000:]
    seen: dict[str, Any] = json.loads(html.unescape(found[1]))
    assert "error" not in seen, seen["error"]
    return seen


CONNECTIONS = """
import socket, sys
for sent in (b"", b"GET http://a.example/ HTTP/1.1", b""):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""  # it has closed: what came is noted
"""


def test_the_proxy_hears_requests_and_no_empty_connection(proxy: Proxy) -> None:
    subprocess.run([sys.executable, "-c", CONNECTIONS, str(proxy.port)], check=True)
    assert proxy.asked == [b"GET http://a.example/ HTTP/1.1"]


def test_corrections_survive_the_round_trip(tmp_path: Path, proxy: Proxy) -> None:
    page = review_page(_document(), {3: data_uri(Image.new("L", (200, 300), 255))}, min_confidence=0.6)
    first = """
      seen.marks = [...document.querySelectorAll("mark")].map((mark) => mark.textContent);
      seen.counts = document.getElementById("counts").textContent;
      seen.apply = document.querySelector("footer code").textContent;
      seen.image = document.querySelector(".sheet img").naturalWidth;
      line("line_3_1_1").dispatchEvent(new MouseEvent("mouseenter"));
      seen.pointed = document.querySelectorAll(".box.at").length;
      seen.bad = document.querySelectorAll(".line.bad").length;
      document.querySelector(".box.missed").click();
      seen.missed = document.activeElement.dataset.id;
      document.getElementById("least").value = 10;
      document.getElementById("least").dispatchEvent(new Event("input"));
      seen.fewer = document.querySelectorAll("mark").length;
      type("line_3_1_1", "Hello there");
      type("line_3_4_2", "");
      type("missed_3_1", "seen by a person");
      document.getElementById("next").click();
      seen.saved = await save();
      seen.requests = performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith("data:"));
    """
    seen = play(page, first, tmp_path, proxy.port)
    assert seen["marks"] == ["Helo"]
    assert seen["counts"] == "1 page · 1 doubtful word · 1 place not read · 1 line without ink · 0 corrected"
    assert seen["apply"].startswith("dsvl2 review apply ")
    assert ".corrections.json" in seen["apply"]
    assert (seen["image"], seen["pointed"], seen["bad"], seen["fewer"]) == (200, 1, 1, 0)
    assert seen["missed"] == "missed_3_1"
    text = json.dumps(seen["saved"])
    blocks = apply_corrections(parse_corrections(text)).pages[0].blocks
    assert blocks[0].text == "Hello there a broken word"
    assert blocks[3].rows == (("x", ""),)
    assert blocks[-2].text == "seen by a person" or blocks[-1].text == "seen by a person"

    again = """
      const box = new DataTransfer();
      box.items.add(new File([FILE], "c.json"));
      const input = document.getElementById("load");
      input.files = box.files;
      input.dispatchEvent(new Event("change"));
      await until(() => line("line_3_1_1").textContent === "Hello there");
      seen.text = line("line_3_1_1").textContent;
      seen.added = line("missed_3_1").textContent;
      seen.gone = line("line_3_4_2").classList.contains("gone");
      seen.counts = document.getElementById("counts").textContent;
      seen.message = document.getElementById("message").textContent;
      seen.saved = await save();
      seen.requests = performance.getEntriesByType("resource").map((one) => one.name).filter((name) => !name.startsWith("data:"));
    """.replace("FILE", json.dumps(text).replace("<", "\\u003c"))
    loaded = play(page, again, tmp_path, proxy.port)
    assert (loaded["text"], loaded["added"], loaded["gone"]) == ("Hello there", "seen by a person", True)
    assert loaded["message"] == ""
    assert loaded["counts"].endswith("3 corrected")
    assert loaded["saved"] == seen["saved"]
    assert seen["requests"] == loaded["requests"] == []
    assert [line for line in proxy.asked if not re.search(rb"google(apis)?[.]com", line)] == []  # the browser's own


def test_corrections_of_another_document_are_refused(tmp_path: Path, proxy: Proxy) -> None:
    page = review_page(_document(), {})
    script = """
      const other = await save();
      other.document.name = "other.pdf";
      const box = new DataTransfer();
      box.items.add(new File([JSON.stringify(other)], "c.json"));
      document.getElementById("load").files = box.files;
      document.getElementById("load").dispatchEvent(new Event("change"));
      await until(() => document.getElementById("message").textContent);
      seen.message = document.getElementById("message").textContent;
    """
    assert play(page, script, tmp_path, proxy.port)["message"] == "these corrections are of other.pdf"
