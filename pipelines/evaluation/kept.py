"""An engine that keeps its answers: what was measured once is not read again, and a run that broke off goes on."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsvl2.model import GenerationRequest, GenerationResult, ModelInfo, Usage

if TYPE_CHECKING:
    from dsvl2.pipelines.tasks import Engine


class KeptEngine:
    """Answers from a file where it can, by the engine where it must; the answers are those of the engine.

    They are kept by the fingerprint of what answers, the request's text and pictures and its sampling. Requests with a
    constraint are not kept: a constraint is no data. The file (SQLite) may be shared by processes.
    """

    def __init__(self, engine: Engine, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.engine = engine
        self._base = sqlite3.connect(file, timeout=120)
        self._base.execute("create table if not exists answers (key text primary key, answer blob not null)")
        self.asked = self.kept = 0

    @property
    def info(self) -> ModelInfo:
        return self.engine.info

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def generate(self, requests: Sequence[GenerationRequest], **how: Any) -> list[GenerationResult]:
        """Answer each request, the new ones together; with anything else said (`watch`), all by the engine."""
        if how:
            return self.engine.generate(requests, **how)
        keys = [self._key(request) for request in requests]
        found = {key: answer for key in set(keys) if key is not None and (answer := self._find(key)) is not None}
        new = [place for place, key in enumerate(keys) if key is None or key not in found]
        answers = self.engine.generate([requests[place] for place in new]) if new else []
        told = dict(zip(new, answers, strict=True))
        for place, answer in told.items():
            key = keys[place]
            if key is not None:
                packed = zlib.compress(json.dumps(asdict(answer)).encode())
                self._base.execute("insert or replace into answers values (?, ?)", (key, packed))
        self._base.commit()
        self.asked += len(new)
        self.kept += len(requests) - len(new)
        return [told[place] if place in told else found[str(key)] for place, key in enumerate(keys)]

    def _key(self, request: GenerationRequest) -> str | None:
        if request.sampling.constraint is not None:
            return None
        digest = hashlib.sha256(f"{self.info.fingerprint_for(request)} {request.sampling} {request.tiles}".encode())
        for message in request.messages:
            digest.update(f"\0{message.role}\0{message.content}\0".encode())
            for image in message.images:
                digest.update(f"{image.mode} {image.size} ".encode() + image.tobytes())
        return digest.hexdigest()

    def _find(self, key: str) -> GenerationResult | None:
        row = self._base.execute("select answer from answers where key = ?", (key,)).fetchone()
        if row is None:
            return None
        told = json.loads(zlib.decompress(row[0]))
        lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
        return GenerationResult(**{**told, **lists, "usage": Usage(**told["usage"])})
