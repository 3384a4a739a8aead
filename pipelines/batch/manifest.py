"""The manifest of a run folder: one SQLite file that knows every document, page result, attempt and output.

One process writes it (`RunFolder` holds the lock); others may read it at any time. WAL mode with synchronous=FULL:
neither a kill nor a power loss loses what was committed, and an output is only written when the results that it is made of
were. So one that a power loss kept, and its row not, is still known by its content, even where an engine would not give the
same answer twice. The file must not lie on a network file system, where WAL does not work.
The tables are described in `SCHEMA`; `VERSION` is in `PRAGMA user_version`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from dsvl2.pipelines.batch.rows import COLUMNS, DocumentRow, PlannedFile, Recipes, StoredResult, document_row
from dsvl2.pipelines.documents import PageError
from dsvl2.pipelines.errors import RunDamaged, RunUnwritable

VERSION = 3
FROM_2 = "ALTER TABLE outputs ADD COLUMN notices TEXT;"
FROM_1 = "ALTER TABLE documents ADD COLUMN listed TEXT; DELETE FROM models;"
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);  -- plan: number of the last plan; job: JSON; recipe, whole:
  -- those of the last session
CREATE TABLE models (key TEXT PRIMARY KEY, stamp TEXT NOT NULL);  -- how a model was asked for -> JSON of its facts
CREATE TABLE recipes (  -- a way of reading: task, model, and the options that can change the text
  id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, facts TEXT NOT NULL);
CREATE TABLE documents (  -- every input that was ever planned; those of the last plan have the highest `plan`
  id INTEGER PRIMARY KEY,
  real BLOB NOT NULL UNIQUE,  -- resolved path, bytes as the file system has them
  path BLOB NOT NULL,  -- path as given
  name TEXT NOT NULL,  -- how messages and outputs call it
  relative BLOB NOT NULL,  -- path below the input folder
  target BLOB,  -- output file of its own, if it has one
  plan INTEGER NOT NULL, position INTEGER NOT NULL,  -- place in the plan, from 0
  listed TEXT,  -- of a URL: JSON list of size and time as the last plan found them
  size INTEGER, mtime_ns INTEGER,  -- of the file when it was opened
  view TEXT,  -- what it was opened with: page list and limits
  sha256 TEXT, kind TEXT, page_count INTEGER,
  selected TEXT,  -- JSON list of page numbers to read
  notices TEXT,  -- JSON list of [code, message]
  code TEXT, message TEXT, hint TEXT,  -- why it could not be opened or written
  state TEXT NOT NULL DEFAULT 'waiting');  -- waiting, done, failed, elsewhere (another process of a shared batch)
CREATE INDEX documents_by_plan ON documents (plan, position);
CREATE TABLE results (  -- one row for each page of a content that was read in a certain way
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 TEXT NOT NULL,
  page INTEGER NOT NULL,  -- 0: the answer of the whole document
  recipe INTEGER NOT NULL REFERENCES recipes,
  status TEXT NOT NULL,  -- ok, blank, fallback (the PDF's own text), failed
  code TEXT,  -- of the error; of a fallback, why it was needed
  rung TEXT NOT NULL,  -- which try gave it: layer, normal, alone, finer, text
  characters INTEGER NOT NULL, tokens INTEGER NOT NULL, seconds REAL NOT NULL, done_at REAL NOT NULL,
  payload BLOB NOT NULL,  -- the page result: zlib, JSON
  UNIQUE (sha256, page, recipe));
CREATE INDEX results_by_time ON results (done_at);
CREATE TABLE attempts (  -- tries that failed
  sha256 TEXT NOT NULL, page INTEGER NOT NULL, recipe INTEGER NOT NULL,
  rung TEXT NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE outputs (  -- files that were written
  path BLOB PRIMARY KEY, stamp TEXT NOT NULL,  -- hash of everything that decides the content
  sha256 TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, documents INTEGER NOT NULL,
  notices TEXT);  -- JSON list of [code, message]: what was to be said of how it was made
"""


def takes_nothing(error: BaseException) -> bool:
    """Say whether SQLite failed because of the disk: full, read-only, or broken; the manifest itself is whole."""
    kinds = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
    return isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorcode", 0) & 0xFF in kinds


def unwritable(path: Path, error: BaseException) -> RunUnwritable:
    """Describe such a failure of the manifest at `path`."""
    return RunUnwritable(f"the run folder {path.parent} cannot be written: {error}")


class Manifest:
    """The manifest file, open. Nothing is durable before `commit`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        try:
            place = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self.db = sqlite3.connect(place, uri=True, isolation_level=None, timeout=30)
            self.db.execute("PRAGMA cache_size = -16000")
            version = self.db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not read_only:
                self.db.execute("PRAGMA journal_mode = WAL")
                script = f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
                self.db.executescript(script)
            elif version in (1, 2) and not read_only:
                steps = (FROM_1 if version == 1 else "") + FROM_2
                self.db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; COMMIT;")
            elif version != VERSION and not (read_only and version == 2):  # lacks a column that is only looked at
                raise RunDamaged(f"{path} has version {version}; this program knows version {VERSION}")
            self.db.execute("PRAGMA synchronous = FULL")
        except sqlite3.DatabaseError as error:
            if takes_nothing(error):
                raise unwritable(path, error) from error
            raise RunDamaged(f"{path} is no manifest or is damaged: {error}") from error

    def begin(self) -> None:
        """Begin a transaction unless one is open."""
        if not self.db.in_transaction:
            self.db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make everything so far survive a kill."""
        if self.db.in_transaction:
            self.db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close."""
        try:
            self.commit()
        finally:
            self.db.close()

    def meta(self, key: str) -> str | None:
        row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        self.begin()
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    @property
    def plan(self) -> int:
        """Number of the current plan, 0 before the first."""
        return int(self.meta("plan") or 0)

    def register(self, files: Iterable[PlannedFile]) -> int:
        """Take down a new plan and return the number of its documents. A file that is named twice counts once.

        What is known of a document from earlier plans is kept. All or nothing: one transaction.
        """
        self.begin()
        plan = self.plan + 1
        self.set_meta("plan", str(plan))
        position = 0
        for file in files:
            problem = file.problem or PageError("", "")
            row = self.db.execute(
                "INSERT INTO documents (real, path, name, relative, target, listed, plan, position, code, message, hint,"
                " state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (real) DO UPDATE SET path = excluded.path,"
                " name = excluded.name, relative = excluded.relative, target = excluded.target, listed = excluded.listed,"
                " plan = excluded.plan,"
                " position = excluded.position, code = coalesce(excluded.code, code), state = excluded.state,"
                " message = coalesce(excluded.message, message), hint = coalesce(excluded.hint, hint)"
                " WHERE plan < excluded.plan RETURNING id",
                (
                    os.fsencode(file.url or os.path.realpath(file.path)),
                    os.fsencode(file.url or file.path),
                    file.name,
                    os.fsencode(file.relative),
                    None if file.target is None else os.fsencode(file.target),
                    None if file.listed is None else json.dumps([file.listed.size, file.listed.mtime_ns]),
                    plan,
                    position,
                    *(text or None for text in (problem.code, problem.message, problem.hint)),
                    "failed" if file.problem else "waiting",
                ),
            ).fetchone()
            position += row is not None
        self.commit()
        return position

    def promising(self) -> bool:
        """Whether the planner knows of no reason why every document of the current plan must fail."""
        query = "SELECT 1 FROM documents WHERE plan = ? AND state != 'failed' LIMIT 1"
        return self.db.execute(query, (self.plan,)).fetchone() is not None

    def error_of(self, document: int) -> PageError | None:
        """Return why a document failed, if it did."""
        query = "SELECT code, message, hint FROM documents WHERE id = ?"
        code, message, hint = self.db.execute(query, (document,)).fetchone()
        return PageError(code, message or "", hint or "") if code else None

    def count(self) -> int:
        """Return the number of documents in the current plan."""
        return int(self.db.execute("SELECT count(*) FROM documents WHERE plan = ?", (self.plan,)).fetchone()[0])

    def documents(self) -> Iterator[DocumentRow]:
        """Yield the documents of the current plan in order; writing in between is allowed."""
        plan, position = self.plan, -1
        while rows := self.db.execute(
            f"SELECT position, {COLUMNS} FROM documents WHERE plan = ? AND position > ? ORDER BY position LIMIT 256",
            (plan, position),
        ).fetchall():
            for row in rows:
                position = row[0]
                yield document_row(row[1:])

    def document_at(self, position: int) -> DocumentRow | None:
        """Return the document at a place of the current plan."""
        query = f"SELECT {COLUMNS} FROM documents WHERE plan = ? AND position = ?"
        row = self.db.execute(query, (self.plan, position)).fetchone()
        return None if row is None else document_row(row)

    def update(self, document: int, **columns: str | int | None) -> None:
        """Set columns of a document."""
        self.begin()
        names = ", ".join(f"{name} = ?" for name in columns)
        self.db.execute(f"UPDATE documents SET {names} WHERE id = ?", (*columns.values(), document))

    def recipe(self, fingerprint: str, facts: object) -> int:
        """Return the number of a recipe, which is taken down if it is new."""
        self.begin()
        self.db.execute(
            "INSERT OR IGNORE INTO recipes (fingerprint, facts) VALUES (?, ?)", (fingerprint, json.dumps(facts))
        )
        row = self.db.execute("SELECT id FROM recipes WHERE fingerprint = ?", (fingerprint,)).fetchone()
        return int(row[0])

    @property
    def recipes(self) -> Recipes:
        """The recipes of the last session; 0 for none."""
        whole = self.meta("whole")
        return Recipes(int(self.meta("recipe") or 0), int(whole) if whole else None)

    @recipes.setter
    def recipes(self, recipes: Recipes) -> None:
        self.set_meta("recipe", str(recipes.pages))
        self.set_meta("whole", str(recipes.whole or ""))

    def done_pages(self, sha256: str, recipe: int) -> set[int]:
        """Return the numbers of the pages that have a result."""
        query = "SELECT page FROM results WHERE sha256 = ? AND recipe = ?"
        return {row[0] for row in self.db.execute(query, (sha256, recipe))}

    def store(self, sha256: str, recipe: int, result: StoredResult) -> None:
        """Keep a result; a page has one, and the first stays."""
        self.begin()
        self.db.execute(
            "INSERT OR IGNORE INTO results (sha256, page, recipe, status, code, rung, characters, tokens, seconds,"
            " done_at, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                sha256,
                result.page,
                recipe,
                result.status,
                result.code,
                result.rung,
                result.characters,
                result.tokens,
                result.seconds,
                time.time(),
                result.payload,
            ),
        )

    def attempt(self, sha256: str, page: int, recipe: int, rung: str, error: PageError) -> None:
        """Take down a try that failed."""
        self.begin()
        row = (sha256, page, recipe, rung, error.code, error.message, time.time())
        self.db.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def payload(self, sha256: str, page: int, recipe: int) -> bytes | None:
        """Return a page's stored result."""
        query = "SELECT payload FROM results WHERE sha256 = ? AND page = ? AND recipe = ?"
        row = self.db.execute(query, (sha256, page, recipe)).fetchone()
        return None if row is None else bytes(row[0])

    def forget_results(self, sha256: str, recipe: int) -> None:
        """Drop the results of a content, as when the file changed while it was read."""
        self.begin()
        self.db.execute("DELETE FROM results WHERE sha256 = ? AND recipe = ?", (sha256, recipe))
