"""Which documents of the plan are this process's in a shared batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dsvl2.pipelines.batch.leases import Claim, LeaseBoard, lease_key
from dsvl2.pipelines.batch.manifest import Manifest
from dsvl2.pipelines.batch.rows import DocumentRow


def ours(
    manifest: Manifest, leases: LeaseBoard | None, elsewhere: Callable[[DocumentRow], None]
) -> Iterator[tuple[int, DocumentRow] | None]:
    """Yield place and row of every document of the plan; in a shared batch of those that this process gets.

    None means that others still work on what is left: ask again later. elsewhere is told what others have done.
    """
    if leases is None:
        yield from enumerate(manifest.documents())
        return
    waiting: list[int] = []
    for position, row in enumerate(manifest.documents()):
        claim = leases.claim(lease_key(row.relative), told_facts(row))
        if claim is Claim.MINE:
            yield position, row
        elif claim is Claim.HELD:
            waiting.append(position)
        else:
            elsewhere(row)
    while waiting:  # others may yet die
        yield None
        waiting, held = [], waiting
        for position in held:
            row_now = manifest.document_at(position)
            assert row_now is not None
            claim = leases.claim(lease_key(row_now.relative), told_facts(row_now))
            if claim is Claim.MINE:
                yield position, row_now
            elif claim is Claim.HELD:
                waiting.append(position)
            else:
                elsewhere(row_now)


def told_facts(row: DocumentRow) -> str:
    """What tells a changed file, the same on every machine that sees it."""
    facts = row.facts()
    return f"{facts.size} {facts.mtime_ns}"
