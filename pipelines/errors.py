"""Everything that can be wrong with a document or its output, as one tree.

DocumentError
+-- InputError            the input cannot be read as asked
|   +-- FileMissing       no such file, or no right to read it
|   +-- NoDocuments       a folder (or an empty list) holds nothing we can read
|   +-- EmptyFile         0 bytes
|   +-- UnreadableFile    damaged or cut short beyond repair
|   +-- UnsupportedFile   the content is of a kind we do not read
|   +-- Encrypted         a PDF that needs a password, and none was given
|   +-- WrongPassword     the password given does not open it
|   +-- PageRangeError    a page list that does not parse
|   |   +-- PageMissing   a page list that names a page the document does not have
|   +-- TooLarge          over a pixel, page or byte limit
|   +-- TooManyPages      more pages to read than anyone would wait for
|   +-- BoxOutside        a region that is not on the page
|   +-- BadRequest        a chat request that cannot be answered as it stands
+-- OutOfTime             a page took longer than it was given
+-- OutputError           the result cannot be put where it was asked for
|   +-- OutputExists      would overwrite
|   +-- OutputUnwritable  missing folder, no permission, no space
|   +-- OutputCollision   two inputs would write one output
+-- RunError              a batch run folder cannot be used
|   +-- RunMissing        there is no run there
|   +-- RunBusy           another process works in it
|   +-- RunDamaged        its manifest is damaged or of another version
|   +-- RunUnwritable     its disk is full or takes nothing
+-- UnknownFormat         no output format of that name or suffix
+-- UnknownTask           no task of that name
+-- QuestionError         a question that cannot be asked
+-- SchemaError           a schema to extract by that cannot be used
|   +-- SchemaUnfillable  it contradicts itself: no JSON satisfies it
+-- RuleError             a rule between fields that does not parse or names no field

`str(error)` is the fact in one line, `error.hint` the remedy (may be empty), `error.code` stable snake_case.
Exit codes are the program's business, not ours.
"""

from __future__ import annotations

from typing import ClassVar

from dsvl2.pipelines.documents import PageError


class DocumentError(Exception):
    """Root of the tree. Each class has its own `code`; `hint` says what to do about it."""

    code: ClassVar[str] = "document_error"
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = self.default_hint if hint is None else hint


class InputError(DocumentError):
    """The input cannot be read as asked."""

    code = "input_error"


class FileMissing(InputError):
    """There is no such file, or it may not be read."""

    code = "file_missing"
    default_hint = "check the path"


class NoDocuments(InputError):
    """A folder or list without a document in it."""

    code = "no_documents"
    default_hint = "give a folder that holds PDF, PNG, JPEG, TIFF, WebP, HEIC, AVIF, JPEG 2000, BMP or GIF files"


class EmptyFile(InputError):
    """A file of 0 bytes."""

    code = "file_empty"
    default_hint = "copy or download the file again"


class UnreadableFile(InputError):
    """Damaged or cut short beyond what can be repaired."""

    code = "file_unreadable"
    default_hint = "copy or download the file again, or open it in a viewer and save it anew"


class UnsupportedFile(InputError):
    """The content is of no kind that is read here, whatever the suffix says."""

    code = "file_unsupported"
    default_hint = "give a PDF, PNG, JPEG, TIFF, WebP, HEIC, AVIF, JPEG 2000, BMP or GIF file"


class Encrypted(InputError):
    """A PDF that asks for a password, and none was given."""

    code = "file_encrypted"
    default_hint = "give the password with --password-file FILE or in the variable DSVL2_PASSWORD"


class WrongPassword(InputError):
    """The password does not open the PDF."""

    code = "wrong_password"
    default_hint = "check the password: the first line of the password file, or the variable, exactly as it is typed"


class PageRangeError(InputError):
    """A page list that does not parse, or leaves nothing to read."""

    code = "page_range"
    default_hint = "pages are counted from 1; examples: 1-3,8  r2 (second from the end)  z (last)  5-z:even  1-z,x4"


class PageMissing(PageRangeError):
    """A page list that names a page the document does not have."""

    code = "page_missing"
    default_hint = "pages are counted from 1; z is the last page, r2 the one before it"


class TooLarge(InputError):
    """Over a limit that guards memory and time; the hint names the option that lifts it."""

    code = "too_large"


class TooManyPages(InputError):
    """More pages would have to be read than anyone would wait for; the hint is a plan."""

    code = "too_many_pages"


class BoxOutside(InputError):
    """A region that was asked about is not on the page, or has no area."""

    code = "box_outside"


class BadRequest(InputError):
    """A chat request (of an OpenAI batch file) that is malformed, or asks for what is not supported."""

    code = "bad_request"


class OutOfTime(DocumentError):
    """A page took longer than it was given."""

    code = "timeout"
    default_hint = "give it more with --page-timeout S, or 0 for no limit"


class OutputError(DocumentError):
    """The result cannot be put where it was asked for."""

    code = "output_error"


class OutputExists(OutputError):
    """Writing would replace an existing file."""

    code = "output_exists"
    default_hint = "use --force to replace it, or name another file"


class OutputUnwritable(OutputError):
    """The place cannot be written: missing folder, no permission, no space, a folder in the way."""

    code = "output_unwritable"
    default_hint = "choose a place you may write to with -o"


class OutputCollision(OutputError):
    """Two inputs would be written to the same output."""

    code = "output_collision"
    default_hint = "rename one of the inputs, or read them in two runs with different -o"


class RunError(DocumentError):
    """A batch run folder cannot be used."""

    code = "run_error"


class RunMissing(RunError):
    """There is no run in that folder."""

    code = "run_missing"
    default_hint = "name the folder of --run, or the output folder of a batch"


class RunBusy(RunError):
    """Another process works in the run folder."""

    code = "run_busy"
    default_hint = "wait for it to end, or give this one another output (a batch: or another folder with --run)"


class RunDamaged(RunError):
    """The manifest is damaged or was written by another version."""

    code = "run_damaged"
    default_hint = "begin anew with another --run; outputs that are there already are kept"


class RunUnwritable(RunError):
    """The run folder takes nothing more: no space, no right to write, or the disk fails."""

    code = "run_unwritable"
    default_hint = "make room and give the same command again: what is done is kept; or name another folder with --run"


class UnknownFormat(DocumentError):
    """No output format has that name or suffix."""

    code = "unknown_format"


class UnknownTask(DocumentError):
    """No task has that name."""

    code = "unknown_task"


class QuestionError(DocumentError):
    """A question that cannot be asked: empty, or too long."""

    code = "bad_question"
    default_hint = 'write it in quotes behind the files: dsvl2 ask invoice.pdf "total due?"'


class SchemaError(DocumentError):
    """A schema that does not parse, or asks for what is not supported; the message names the place."""

    code = "bad_schema"


class SchemaUnfillable(SchemaError):
    """A schema that contradicts itself: there is no JSON that satisfies it."""

    code = "schema_unfillable"
    default_hint = "correct the contradiction: an answer could never satisfy it"


class RuleError(DocumentError):
    """A rule between fields that does not parse, or names a field that the schema does not have."""

    code = "bad_rule"


def page_error(error: BaseException) -> PageError:
    """Describe an exception as a page's error; one with `code` and `hint` keeps them, any other is `internal`."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's, by name: no import
        return PageError(
            "out_of_memory", "not enough memory for this page", "use a smaller --batch-size or a lower --dpi"
        )
    code = getattr(error, "code", None)
    remedy = getattr(error, "hint", None)
    message = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(code, str):
        return PageError("internal", f"{type(error).__name__}: {message}", "please report this")
    return PageError(code, message, remedy if isinstance(remedy, str) else "")
