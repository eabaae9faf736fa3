"""Answer like OpenAI's chat completions, for a million tokens each time: ``model.py PORT PORT``."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model(BaseHTTPRequestHandler):
    """Repeats the key with which it was asked, which only the server knows."""

    def do_POST(self) -> None:
        """Answer."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": self.headers["Authorization"]}
        usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
        body = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": asked["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        }
        answer = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


for port in sys.argv[2:]:
    threading.Thread(target=ThreadingHTTPServer(("", int(port)), Model).serve_forever).start()
ThreadingHTTPServer(("", int(sys.argv[1])), Model).serve_forever()
