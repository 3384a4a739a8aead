"""A program that serves S3 on this machine and runs `dsvl2 batch` against it; run by test_batch_url_outputs.py.

    bucket.py FOLDER        FOLDER/in holds documents; prints JSON

It is a process of its own because tests may not open connections. Needs s3fs and moto[s3,server].
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).with_name("scripted_engine.py")


def main() -> None:
    from moto.server import ThreadedMotoServer

    os.chdir(sys.argv[1])
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    os.environ |= {"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    import s3fs

    system = s3fs.S3FileSystem(use_listings_cache=False)
    system.mkdir("shelf")
    found: dict[str, Any] = {"first": dsvl2("batch", "in", "-o", "s3://shelf/out/")}
    found["tree"] = system.find("shelf/out")
    found["again"] = dsvl2("batch", "in", "-o", "s3://shelf/out/")
    found["verify"] = dsvl2("batch", "verify", "s3://shelf/out")
    found["missing"] = dsvl2("batch", "in", "-o", "s3://no-such-bucket/out/")
    system.put_file("in/a.pdf", "shelf/in/a.pdf")
    found["stream"] = dsvl2("batch", "s3://shelf/in/", "-o", "s3://shelf/all.jsonl")
    found["line"] = json.loads(system.cat("shelf/all.jsonl").splitlines()[0]) if found["stream"]["code"] == 0 else None
    server.stop()
    print(json.dumps(found))


def dsvl2(*words: str) -> dict[str, Any]:
    """Exit code, what was reported, and what was said."""
    done = subprocess.run([sys.executable, ENGINE, *words, "--json"], capture_output=True, text=True, check=False)
    return {"code": done.returncode, "told": json.loads(done.stdout or "null"), "said": done.stderr}


if __name__ == "__main__":
    main()
