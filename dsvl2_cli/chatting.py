"""Behind `dsvl2 chat`: lines in, answers out, commands that begin with a slash, and the history."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsvl2_cli import engines
from dsvl2_cli.askable import Drawing, gather
from dsvl2_cli.console import DIM, Problem
from dsvl2_cli.errors import UsageError
from dsvl2_cli.exit_codes import Exit
from dsvl2_cli.session import Leave
from dsvl2_cli.work import Work

if TYPE_CHECKING:
    from PIL.Image import Image

    from dsvl2.pipelines.ask import AskPage
    from dsvl2.pipelines.chat import ChatReply, Conversation, Shown, Talk
    from dsvl2_cli.common import Common
    from dsvl2_cli.session import Session

HELP = """\
/page N       ask about page N only; /page all: about all
/image FILE   show another document or image with the next question
/reset        forget what was said
/save FILE    write the conversation as Markdown (or as JSON, by the suffix)
/quit         leave (so does Ctrl-D); `dsvl2 chat -c` goes on
//text        a question that begins with a slash"""
ALL = 10**9


@dataclass(frozen=True, slots=True)
class ChatPlan:
    """What was asked for on the command line."""

    files: tuple[str, ...]
    go_on: bool
    read_at_most: int | None
    tiles: int | None
    tokens: int | None


def history_folder() -> Path:
    """Where conversations are kept: the user's state folder ($XDG_STATE_HOME/dsvl2/chats on Linux)."""
    import platformdirs

    return platformdirs.user_state_path("dsvl2") / "chats"


def chat_about(plan: ChatPlan, common: Common, now: Session) -> None:
    """Hold a conversation until the input ends."""
    from dsvl2.pipelines.chat import Conversation, latest, load, new_path

    if "-" in plan.files:
        raise UsageError("standard input holds the questions here", "save the document to a file first")
    place = latest(history_folder()) if plan.go_on else new_path(history_folder())
    conversation = load(place) if plan.go_on else Conversation()
    with Work(common, now) as work, ExitStack() as stack:
        files = plan.files or conversation.documents
        desk = Desk(work, stack, plan)
        desk.add(files)
        if not desk.pages and (desk.bands or not files):
            raise UsageError("there is nothing to talk about", "name a document: dsvl2 chat contract.pdf")
        names = tuple(str(Path(file).absolute()) for file in files)
        conversation = replace(conversation, documents=names, model=work.settings.model)
        Dialogue(desk, conversation, place, now).run()


class Desk:
    """The documents on the table: opened, read or drawn, whenever they are asked for."""

    def __init__(self, work: Work, stack: ExitStack, plan: ChatPlan) -> None:
        self.work, self.stack, self.plan = work, stack, plan
        self.bands = engines.reading_profile(work.settings).mode == "bands"
        self.pages: list[AskPage] = []
        self._images: dict[Shown, Image] = {}

    def add(self, words: tuple[str, ...] | list[str]) -> list[AskPage]:
        """Put more documents on the table; returns their pages."""
        if not words:
            return []
        documents = self.work.documents(words)
        found = gather(self.work, documents, self.stack, limit=self.plan.read_at_most, rank_all=ALL)
        self.work.stop_progress()
        self.pages += found.pages
        if found.not_read:
            self.work.now.console.warn(f"not read: page {', '.join(str(ref.page) for ref in found.not_read)}")
        return found.pages

    def shown(self, page: AskPage) -> Shown:
        """A page as a conversation remembers it."""
        from dsvl2.pipelines.chat import Shown

        return Shown(str(Path(page.source).absolute()), page.number)

    def draw(self, shown: Shown) -> Image:
        """The image of a page; drawn once."""
        if shown not in self._images:
            page = next((page for page in self.pages if self.shown(page) == shown), None)
            if page is None:
                document = self.work.document(shown.path)
                source = self.stack.enter_context(self.work.open(document, pages=None))
                self._images[shown] = Drawing(source, shown.page)()
            else:
                self._images[shown] = page.draw()
        return self._images[shown]

    def talk(self) -> Talk:
        """The way to talk with the model that was chosen."""
        from dsvl2.pipelines.ask import ImageBudget
        from dsvl2.pipelines.chat import SeenTalk, TextTalk

        if self.bands:
            return TextTalk(self.work.engine, self.pages)
        return SeenTalk(self.work.engine, self.draw, budget=ImageBudget(self.plan.tiles, self.plan.tokens))  # type: ignore[arg-type]


class Dialogue:
    """Reads lines, answers them, and keeps what was said."""

    def __init__(self, desk: Desk, conversation: Conversation, place: Path, now: Session) -> None:
        self.desk, self.conversation, self.place, self.now = desk, conversation, place, now
        self.talk = desk.talk()
        self.live = sys.stdin is not None and sys.stdin.isatty()
        self.failed = self.said = 0
        self.next: tuple[Shown, ...] = ()
        if not desk.bands and not conversation.turns and desk.pages:
            self.next = (desk.shown(desk.pages[0]),)

    def run(self) -> None:
        """Go on until the input ends."""
        self._greet()
        for line in self._lines():
            try:
                if line.startswith("/") and not line.startswith("//"):
                    if not self._command(line):
                        break
                else:
                    self._say(line.removeprefix("/") if line.startswith("//") else line)
            except (BrokenPipeError, Leave):
                raise
            except Exception as error:
                self.failed += 1
                self.now.console.problem(Problem.of(error))
                if self.now.debug:
                    self.now.console.trace(error)
        if self.live and self.conversation.turns:
            self.now.console.say("go on with: dsvl2 chat -c")
        if self.failed and not self.live:
            raise Leave(Exit.PARTIAL)

    def _greet(self) -> None:
        if not self.live:
            return
        pages = len(self.desk.pages)
        said = f"; {len(self.conversation.turns) // 2} questions so far" if self.conversation.turns else ""
        self.now.console.say(f"{pages} page{'s' * (pages != 1)}{said}; /help lists commands, Ctrl-D leaves")

    def _lines(self) -> Iterator[str]:
        """Lines typed, or those of standard input; empty ones are left out."""
        while True:
            try:
                line = input("> ") if self.live else sys.stdin.readline()
            except EOFError:
                return
            except KeyboardInterrupt:
                self.desk.work.forgive()
                self.now.console.line("")
                continue
            if not self.live and not line:
                return
            if line.strip():
                yield line.strip()

    def _say(self, question: str) -> None:
        from dsvl2.pipelines.chat import Turn, save

        printer = Printer(self.now)
        reply = self.talk.say(self.conversation, question, self.next, printer.show if not self.now.json else None)
        self.desk.work.forgive()
        printer.end(reply)
        turns = (Turn("user", reply.question, self.next), Turn("assistant", reply.answer or "", stopped=reply.stopped))
        self.conversation = replace(self.conversation, turns=(*self.conversation.turns, *turns))
        self.next = ()
        save(self.place, self.conversation)
        for notice in reply.notices:
            self.now.console.warn(notice.message)

    def _command(self, line: str) -> bool:
        """Do what a line with a slash says; False ends the conversation."""
        name, _, rest = line.partition(" ")
        rest = rest.strip()
        if name in ("/quit", "/exit"):
            return False
        if name == "/help":
            self.now.console.line(HELP)
        elif name == "/reset":
            self.conversation = replace(self.conversation, turns=(), page=None)
            self.next = tuple(map(self.desk.shown, self.desk.pages[:1])) if not self.desk.bands else ()
            self.now.console.say("forgotten")
        elif name == "/page":
            self._choose_page(rest)
        elif name == "/image":
            self._show_more(rest)
        elif name == "/save":
            self._save(rest)
        else:
            raise UsageError(f"{name} is no command", "/help lists them; a question may begin with //")
        return True

    def _choose_page(self, word: str) -> None:
        if word == "all":
            self.conversation = replace(self.conversation, page=None)
            return
        known = [page for page in self.desk.pages if str(page.number) == word]
        if not known:
            numbers = ", ".join(str(page.number) for page in self.desk.pages[:40])
            raise UsageError(f"there is no page {word or '(no number given)'}", f"pages: {numbers}; or all")
        self.conversation = replace(self.conversation, page=int(word))
        if not self.desk.bands:
            self.next = (*self.next, self.desk.shown(known[0]))
        self.now.console.say(f"page {word} of {known[0].source}")

    def _show_more(self, word: str) -> None:
        if not word:
            raise UsageError("/image names no file", "/image photo.jpg")
        pages = self.desk.add([word])
        self.talk = self.desk.talk()
        if not self.desk.bands:
            self.next = (*self.next, *map(self.desk.shown, pages[:1]))
        documents = (*self.conversation.documents, str(Path(word).absolute()))
        self.conversation = replace(self.conversation, documents=tuple(dict.fromkeys(documents)))
        self.now.console.say(f"{word}: {len(pages)} page{'s' * (len(pages) != 1)}")

    def _save(self, word: str) -> None:
        from dsvl2.pipelines import write_output
        from dsvl2.pipelines.chat import save, transcript

        if not word:
            raise UsageError("/save names no file", "/save talk.md")
        path = Path(word)
        if path.exists():
            raise UsageError(f"{word} exists already", "name another file")
        write_output(path, transcript(self.conversation))
        if path.suffix.lower() == ".json":
            save(path, self.conversation)
        self.now.console.say(f"wrote {word}")


class Printer:
    """Prints an answer while it grows; what was printed and then taken back is followed by the rest of the new text."""

    def __init__(self, now: Session) -> None:
        self.now = now
        self.printed = ""

    def show(self, text: str) -> None:
        """Print what is new in the answer so far."""
        if text.startswith(self.printed):
            fresh = text[len(self.printed) :]
        elif self.printed.startswith(text):  # a repetition was cut: what follows comes after a mark
            fresh = " […] "
        else:
            fresh = text[len(_common(text, self.printed)) :]
        self.printed = text
        if fresh:
            self.now.results.write(fresh)

    def end(self, reply: ChatReply) -> None:
        """Finish the answer's line, and say where it stands."""
        if self.now.json:
            from dsvl2.pipelines.chat import SPEC

            self.now.results.write(json.dumps(SPEC.record(reply), ensure_ascii=False) + "\n")
            return
        answer = reply.answer or "not in the document"
        if answer.startswith(self.printed.strip()):  # nothing, or all but the last character that was not whole
            self.now.results.write(answer[len(self.printed.strip()) :])
        self.now.results.write("\n")
        if reply.stopped:
            self.now.console.say("stopped")
        if reply.page is not None and self.now.console.verbosity >= 0:
            quote = f': "{reply.quote}"' if reply.quote else ""
            self.now.console.line(self.now.console.paint(f"  page {reply.page}{quote}", DIM))


def _common(one: str, other: str) -> str:
    pairs = zip(one, other, strict=False)
    return one[: next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))]
