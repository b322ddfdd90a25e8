"""Headless Chromium, driven by the WebDriver protocol (W3C) of chromedriver."""
import contextlib
import http.server
import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.request

STARTED_WITHIN_S = 30
SHOWN_WITHIN_S = 20

# Resolves once the text of the element is the wanted one; the script timeout bounds it.
WAIT_FOR_TEXT = """
const [id, wanted, done] = arguments;
const element = document.getElementById(id);
const look = () => { if (element.textContent === wanted) done(true); };
new MutationObserver(look).observe(element, {childList: true, characterData: true, subtree: true});
look();
"""


class Browser:
    def __init__(self, profile):
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self._driver.stdout:
            found = re.search(r"started successfully on port (\d+)", line)
            if found:
                break
        else:
            raise RuntimeError("chromedriver does not start")
        self._base = f"http://127.0.0.1:{found[1]}"
        threading.Thread(target=self._driver.stdout.read, daemon=True).start()
        arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage"]
        arguments.append(f"--user-data-dir={profile}")
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # which it refuses to run with as root
        capabilities = {
            "acceptInsecureCerts": True,  # the broker's own CA
            "goog:chromeOptions": {"args": arguments},
            "timeouts": {"script": SHOWN_WITHIN_S * 1000},
        }
        try:
            wanted = {"capabilities": {"alwaysMatch": capabilities}}
            self._base += "/session/" + self._ask("POST", "/session", wanted)["sessionId"]
        except OSError:
            self.close()
            raise

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=STARTED_WITHIN_S) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self._ask("POST", "/url", {"url": "about:blank"})  # so that a new # loads the page anew
        self._ask("POST", "/url", {"url": url})

    def text_of(self, element_id):
        script = "return document.getElementById(arguments[0]).textContent"
        return self._ask("POST", "/execute/sync", {"script": script, "args": [element_id]})

    def wait_for_text(self, element_id, text):
        body = {"script": WAIT_FOR_TEXT, "args": [element_id, text]}
        try:
            self._ask("POST", "/execute/async", body)
        except urllib.error.HTTPError as error:
            shown = self.text_of(element_id)
            raise AssertionError(f"#{element_id} shows {shown!r}, not {text!r}") from error

    def close(self):
        with contextlib.suppress(OSError):
            self._ask("DELETE", "")
        self._driver.terminate()
        self._driver.wait(10)


@contextlib.contextmanager
def serving(*files):
    """A web server with these files; gives its origin."""
    by_name = {"/" + file.name: file for file in files}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            file = by_name.get(self.path)
            self.send_response(200 if file else 404)
            kind = "text/html" if file and file.suffix == ".html" else "text/javascript"
            self.send_header("Content-Type", kind)
            self.end_headers()
            if file:
                self.wfile.write(file.read_bytes())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
