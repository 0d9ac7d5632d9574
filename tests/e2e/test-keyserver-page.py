# SPDX-License-Identifier: LGPL-2.1-or-later
"""The status page of the admin listener, and the figures of the store.

With AKMA_SCREENSHOT=FILE the picture that Chromium makes of the page is kept.
"""
import base64
import hashlib
import html.parser
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tap  # noqa: E402

try:
    import h2.connection  # noqa: F401
    import jwcrypto.jwe   # noqa: F401
    import prometheus_client  # noqa: F401
except ImportError as missing:
    tap.skip_all(str(missing))

from figures import TCP, admin, exchanges, get, value  # noqa: E402
from harness import FQDN, wait_until  # noqa: E402
from keyserver import KID, SUPI, Server, cause_of  # noqa: E402

PAGE = TCP + "page=true\n"


class Page(html.parser.HTMLParser):
    """What stands in a page: tags with attributes, text without the style sheet."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open, self.style = [], [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.words.append(data)

    def bars(self, series):
        return [a for tag, a in self.tags if tag == "rect" and a["class"] == series]


def fill(s):
    """Exchanges of several kinds; the store was counted after them."""
    for _ in range(3):
        s.exchange()
    s.verb("application", "add", "wifi", "--source", "local")
    s.exchange("mqtt", "wifi")
    for n in range(2):
        assert cause_of(s.exchange, kid="%d.%s" % (n, KID)) == (404, "anchor_key_unknown")
    wait_until("keys are counted", lambda: value(s, "akma_keys", application="mqtt",
                                                 state="current") == 1, 60)


@tap.test
def keys_are_counted_by_application_and_state():
    with Server(extra=TCP, workers=2) as s:
        s.exchange()
        s.verb("key", "rotate", "--all")
        s.verb("application", "add", "other", "--source", "local", "--allow", "*")
        s.exchange("other")
        s.verb("key", "revoke", "--application", "other")
        wait_until("they are counted", lambda: value(s, "akma_keys", application="other",
                                                     state="revoked") == 1, 60)
        assert value(s, "akma_keys", application="mqtt", state="current") == 1
        assert value(s, "akma_keys", application="mqtt", state="previous") == 1
        assert value(s, "akma_keys", application="other", state="current") == 0
        assert value(s, "akma_terminals") == 1 and value(s, "akma_terminals_revoked") == 0


@tap.test
def the_page_shows_the_figures_without_scripts():
    with Server(extra=PAGE) as s:
        fill(s)
        answer, body = get(s, "/")
        assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Page(body)
        assert FQDN in page.text and " well " in page.text
        for words in ("Workers 1 of 1 serve", "Terminals 1 0 revoked", "Applications 2",
                      "Keys 1 current", "anchor_key_unknown 2", "not_entitled 1",
                      "operator ok 6 0", "mqtt 1 0 0"):
            assert words in page.text, (words, page.text)
        # one minute, or two if one has just ended
        assert 1 <= len(page.bars("ok")) <= 2 and 1 <= len(page.bars("failed")) <= 2
        assert "Exchanges that ended well: 4 in the last hour" in body
        assert "Refused or not finished: 2 in the last hour" in body
        assert SUPI not in body and KID not in body


@tap.test
def the_page_loads_nothing_and_its_policy_says_so():
    with Server(extra=PAGE) as s:
        answer, body = get(s, "/")
        policy = answer.headers["content-security-policy"]
        style = Page(body).style
        own = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy.startswith("default-src 'none'; style-src 'sha256-%s';" % own), policy
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not re.search(r"<(script|link|img|iframe|object|form|base|a)\b|\bon\w+=|url\(|@import|"
                             r"https?:|style=", body)


@tap.test
def reject_the_page_unless_it_is_configured():
    with Server(extra=TCP) as s:
        assert get(s, "/")[0].status == 404
        s.edit("[admin]", "[admin]\npage=true")
        s.process.signal(signal.SIGHUP)
        wait_until("it is there", lambda: get(s, "/")[0].status == 200)
        assert get(s, "/", host="evil.example")[0].status == 421
        assert get(s, "/", method="POST")[0].status == 405
        for path in ("/index.html", "/?x", "//", "/favicon.ico"):
            assert get(s, path)[0].status == 404, path
        s.edit("page=true", "page=false")
        s.process.signal(signal.SIGHUP)
        wait_until("it is gone", lambda: get(s, "/")[0].status == 404)


@tap.test
def an_unwell_server_says_so():
    with Server(extra=PAGE) as s:
        path = s.stack.path("keys.db")
        os.rename(path, path + ".away")
        wait_until("unwell", lambda: "unwell" in Page(get(s, "/")[1]).text)
        assert "The store does not answer." in Page(get(s, "/")[1]).text
        os.rename(path + ".away", path)


# --- in a browser -----------------------------------------------------------------------------

def colours(path):
    """{(r, g, b): number} of a PNG of 8 bits a channel, without interlace, as Chromium writes it."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, form, _, _, interlace = struct.unpack(">IIBBBBB", chunk)
            assert depth == 8 and form in (2, 6) and interlace == 0, (depth, form, interlace)
        elif kind == b"IDAT":
            packed += chunk
        at += 12 + size
    step, found = 3 if form == 2 else 4, {}
    raw, before = zlib.decompress(packed), bytes(width * step)
    for y in range(height):
        line = bytearray(raw[y * (width * step + 1):(y + 1) * (width * step + 1)])
        how, line = line[0], line[1:]
        for i in range(len(line)):
            left = line[i - step] if i >= step else 0
            up, corner = before[i], before[i - step] if i >= step else 0
            if how == 1:
                line[i] = (line[i] + left) & 255
            elif how == 2:
                line[i] = (line[i] + up) & 255
            elif how == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif how == 4:
                p = left + up - corner
                near = min((abs(p - left), 0, left), (abs(p - up), 1, up),
                           (abs(p - corner), 2, corner))
                line[i] = (line[i] + near[2]) & 255
        before = bytes(line)
        for i in range(0, len(line), step):
            pixel = tuple(line[i:i + 3])
            found[pixel] = found.get(pixel, 0) + 1
    return found


@tap.test
def chromium_shows_it():
    browser = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if not browser:
        raise tap.Skip("chromium-headless-shell is not installed")
    with Server(extra=PAGE) as s:
        fill(s)
        picture = os.environ.get("AKMA_SCREENSHOT") or s.stack.path("page.png")
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
             "--user-data-dir=" + s.stack.path("browser"), "--window-size=900,1150",
             "--enable-logging=stderr", "--screenshot=" + picture,
             "http://%s:%d/" % admin(s)], capture_output=True, text=True, timeout=120)
        # a policy that is broken is told on the console
        assert "Content Security Policy" not in done.stderr, done.stderr[-2000:]
        seen = colours(picture)
        # cards, bars of both kinds, the badge: the style sheet was taken
        for name, colour in (("card", (255, 255, 255)), ("ok", (47, 111, 222)),
                             ("failed", (192, 54, 44)), ("well", (26, 127, 75))):
            assert seen.get(colour, 0) > 50, (name, seen.get(colour))
        assert exchanges(s, "ok") == 4


tap.main()
