"""Ask a server many things and print how it answered each: ``knock.py URL``, with requests as JSON on standard input.

Each request is a method, a path, headers, and what it sends, if that is not ``{}``; each answer its status, and the
beginning of its body.
"""

import http.client
import json
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import local
from urllib.parse import urlsplit

url, memory = urlsplit(sys.argv[1]), local()


def connection():
    """Return this thread's connection, a new one if the last was closed."""
    if getattr(memory, "open", None) is None:
        if url.scheme == "https":
            trust_all = ssl._create_unverified_context()
            memory.open = http.client.HTTPSConnection(url.hostname, url.port, timeout=60, context=trust_all)
        else:
            memory.open = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    return memory.open


def ask(request):
    """Return the status of the answer and the beginning of its body."""
    method, path, headers, *sent = request
    body = json.dumps(*sent or [{}]).encode() if method in {"POST", "PUT", "PATCH", "DELETE"} else None
    for _ in range(2):
        try:
            open_ = connection()
            open_.request(method, path, body, {"Content-Type": "application/json", **headers} if body else headers)
            answer = open_.getresponse()
            said = answer.read()
            if answer.will_close:
                memory.open = None
            return [answer.status, said[:4000].decode(errors="replace")]
        except (http.client.HTTPException, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
            memory.open = None
    return [0, failure]


requests = json.load(sys.stdin)
with ThreadPoolExecutor(8) as pool:
    print(json.dumps(list(pool.map(ask, requests))))
